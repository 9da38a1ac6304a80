#include "core/json_text.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>

namespace oiab::core {
namespace {

/// How deep the brackets outside of strings go. Exact up to the first mistake in the text, where parsing ends anyway.
std::size_t depth_of(std::string_view text) {
    std::size_t depth = 0;
    std::size_t deepest = 0;
    bool quoted = false;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        if (quoted) {
            if (c == '\\') ++i;
            else if (c == '"') quoted = false;
        } else if (c == '"') {
            quoted = true;
        } else if (c == '[' || c == '{') {
            deepest = std::max(deepest, ++depth);
        } else if ((c == ']' || c == '}') && depth > 0) {
            --depth;
        }
    }
    return deepest;
}

/// The value of the escape (\u and four digits) at the position, or nullopt.
std::optional<unsigned> unicode_escape(std::string_view json, std::size_t at) {
    if (at + 6 > json.size() || json[at] != '\\' || json[at + 1] != 'u') return std::nullopt;
    unsigned value = 0;
    for (const char c : json.substr(at + 2, 4)) {
        value <<= 4U;
        if (c >= '0' && c <= '9') value |= static_cast<unsigned>(c - '0');
        else if (c >= 'a' && c <= 'f') value |= static_cast<unsigned>(c - 'a' + 10);
        else if (c >= 'A' && c <= 'F') value |= static_cast<unsigned>(c - 'A' + 10);
        else return std::nullopt;
    }
    return value;
}

bool is_high(unsigned unit) { return unit >= 0xD800 && unit <= 0xDBFF; }
bool is_low(unsigned unit) { return unit >= 0xDC00 && unit <= 0xDFFF; }

}  // namespace

nlohmann::json parse_foreign_json(std::string_view text) {
    // Counted beforehand: a value that is refused while it grows would still have to be taken apart.
    if (depth_of(text) > kMaxJsonDepth) return nlohmann::json::value_t::discarded;
    return nlohmann::json::parse(text, nullptr, false);
}

std::string with_storable_escapes(std::string_view json) {
    std::string out;
    out.reserve(json.size());
    std::size_t at = 0;
    while (at < json.size()) {
        if (json[at] != '\\') {
            out.push_back(json[at++]);
            continue;
        }
        const auto unit = unicode_escape(json, at);
        if (!unit) {
            out.append(json.substr(at, 2));  // any other escape, "\\" above all
            at += 2;
            continue;
        }
        const auto next = unicode_escape(json, at + 6);
        if (is_high(*unit) && next && is_low(*next)) {
            out.append(json.substr(at, 12));
            at += 12;
            continue;
        }
        if (*unit == 0 || is_high(*unit) || is_low(*unit)) out.append("\\ufffd");
        else out.append(json.substr(at, 6));
        at += 6;
    }
    return out;
}

std::string storable_json(const nlohmann::json& value) {
    return with_storable_escapes(value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
}

}  // namespace oiab::core
