#include "store/vector_array.hpp"

#include <bit>
#include <cstdint>
#include <pqxx/params>
#include <pqxx/result>
#include <type_traits>
#include <utility>

#include "store/sql.hpp"

namespace oiab::store {
namespace {

/// Appends integers and floats in network byte order.
class Writer {
public:
    explicit Writer(std::size_t size) { bytes_.reserve(size); }

    template <typename Integer>
    void append(Integer value) {
        const auto bits = static_cast<std::make_unsigned_t<Integer>>(value);
        for (std::size_t byte = sizeof bits; byte-- > 0;) bytes_.push_back(static_cast<std::byte>(bits >> (8 * byte)));
    }
    void append(float value) { append(std::bit_cast<std::uint32_t>(value)); }
    [[nodiscard]] pqxx::bytes take() { return std::move(bytes_); }

private:
    pqxx::bytes bytes_;
};

}  // namespace

pqxx::bytes vector_array(pg::Transaction& tx, std::span<const std::vector<float>* const> vectors) {
    const auto element = tx.run(sql::find_vector_type)[0][0].as<std::uint32_t>();
    std::size_t size = 20;
    for (const auto* vector : vectors) size += 8 + sizeof(float) * vector->size();
    Writer out{size};
    out.append(std::int32_t{1});  // dimensions of the array
    out.append(std::int32_t{0});  // it holds no NULL
    out.append(element);
    out.append(static_cast<std::int32_t>(vectors.size()));
    out.append(std::int32_t{1});  // its first subscript
    for (const auto* vector : vectors) {
        out.append(static_cast<std::int32_t>(4 + sizeof(float) * vector->size()));
        out.append(static_cast<std::int16_t>(vector->size()));
        out.append(std::int16_t{0});  // reserved by pgvector
        for (const float value : *vector) out.append(value);
    }
    return out.take();
}

}  // namespace oiab::store
