#include "store/rows.hpp"

#include <fmt/compile.h>
#include <fmt/format.h>

#include <charconv>
#include <iterator>

#include "core/json_text.hpp"

namespace oiab::store::rows {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";

}  // namespace

std::string without_nul(std::string_view text) {
    std::string out;
    out.reserve(text.size());
    for (const char c : text) {
        if (c == '\0') {
            out += kReplacement;
        } else {
            out += c;
        }
    }
    return out;
}

std::string dump(const nlohmann::json& json) { return core::storable_json(json); }

std::string vector_literal(std::span<const float> values) {
    std::string out = "[";
    out.reserve(values.size() * 12 + 2);
    for (const float value : values) {
        if (out.size() > 1) out += ',';
        fmt::format_to(std::back_inserter(out), FMT_COMPILE("{}"), value);
    }
    return out += ']';
}

std::vector<float> read_vector(std::string_view literal) {
    std::vector<float> values;
    if (literal.size() < 2) return values;
    const char* at = literal.data() + 1;
    const char* const end = literal.data() + literal.size() - 1;
    while (at < end) {
        float value = 0;
        const auto [next, error] = std::from_chars(at, end, value);
        if (error != std::errc{}) throw std::logic_error{"the server sent a vector that cannot be read"};
        values.push_back(value);
        at = next + 1;  // past the comma
    }
    return values;
}

}  // namespace oiab::store::rows
