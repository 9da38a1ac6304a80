#include "queue/arrays.hpp"

#include <array>

namespace oiab::queue {
namespace {

/// Of pg_type.dat: the types' fixed ids.
constexpr std::uint32_t kInt8Oid = 20;
constexpr std::uint32_t kUuidOid = 2950;

template <typename Unsigned>
std::array<std::uint8_t, sizeof(Unsigned)> big_endian(Unsigned value) {
    std::array<std::uint8_t, sizeof(Unsigned)> bytes{};
    for (auto byte = bytes.rbegin(); byte != bytes.rend(); ++byte, value >>= 8)
        *byte = static_cast<std::uint8_t>(value);
    return bytes;
}

/// An array of one dimension whose elements all have one size and are not null, as array_recv reads it: the number of
/// dimensions, whether there are nulls, the elements' type, the length, the lower bound; then each element behind its
/// own length.
class BinaryArray {
public:
    BinaryArray(std::uint32_t element, std::size_t element_size, std::size_t count) {
        constexpr std::size_t kHeader = 20;
        bytes_.reserve(kHeader + count * (sizeof(std::uint32_t) + element_size));
        for (const auto number : {1U, 0U, element, static_cast<std::uint32_t>(count), 1U}) append(big_endian(number));
    }
    void add(std::span<const std::uint8_t> element) {
        append(big_endian(static_cast<std::uint32_t>(element.size())));
        append(element);
    }
    [[nodiscard]] pqxx::bytes finish() && { return std::move(bytes_); }

private:
    void append(std::span<const std::uint8_t> part) {
        const auto bytes = std::as_bytes(part);
        bytes_.append(bytes.data(), bytes.size());
    }
    pqxx::bytes bytes_;
};

}  // namespace

void ArrayText::add(const core::JobId& id) {
    separate();
    text_ += id.to_string();
}

void ArrayText::add(std::int64_t number) {
    separate();
    text_ += std::to_string(number);
}

void ArrayText::add(std::string_view text) {
    separate();
    text_ += '"';
    for (const char c : text) {
        if (c == '"' || c == '\\') text_ += '\\';
        text_ += c == '\0' ? '\x01' : c;
    }
    text_ += '"';
}

void ArrayText::add_null() {
    separate();
    text_ += "NULL";
}

std::string text_array(std::span<const std::string> texts) {
    ArrayText array;
    for (const auto& text : texts) array.add(std::string_view{text});
    return std::move(array).finish();
}

pqxx::bytes id_array(std::span<const core::AttemptKey> keys) {
    BinaryArray ids{kUuidOid, sizeof(core::Uuid), keys.size()};
    for (const auto& key : keys) ids.add(key.id.value.bytes);
    return std::move(ids).finish();
}

KeyArrays key_arrays(std::span<const core::AttemptKey> keys) {
    BinaryArray epochs{kInt8Oid, sizeof(std::int64_t), keys.size()};
    for (const auto& key : keys) epochs.add(big_endian(static_cast<std::uint64_t>(key.epoch.value)));
    return {id_array(keys), std::move(epochs).finish()};
}

}  // namespace oiab::queue
