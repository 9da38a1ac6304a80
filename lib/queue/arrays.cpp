#include "queue/arrays.hpp"

namespace oiab::queue {

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

KeyArrays key_arrays(std::span<const core::AttemptKey> keys) {
    ArrayText ids;
    ArrayText epochs;
    for (const auto& key : keys) {
        ids.add(key.id);
        epochs.add(key.epoch.value);
    }
    return {std::move(ids).finish(), std::move(epochs).finish()};
}

}  // namespace oiab::queue
