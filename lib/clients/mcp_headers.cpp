#include "clients/mcp_headers.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <set>

namespace oiab::clients::mcp {
namespace {

using nlohmann::json;

constexpr const char* kAnnotation = "x-mcp-header";
/// Beyond it a schema is no honest description of arguments, and walking it recurses.
constexpr int kMaxDepth = 64;
constexpr double kSafeInteger = 9'007'199'254'740'991;

std::string base64(std::string_view bytes) {
    constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::string text;
    for (std::size_t i = 0; i < bytes.size(); i += 3) {
        const std::size_t left = std::min<std::size_t>(3, bytes.size() - i);
        std::uint32_t group = 0;
        for (std::size_t k = 0; k < 3; ++k) {
            group = group << 8U | (k < left ? static_cast<unsigned char>(bytes[i + k]) : 0U);
        }
        for (std::size_t k = 0; k < 4; ++k) {
            text += k <= left ? kDigits[group >> (18U - 6U * k) & 0x3FU] : '=';
        }
    }
    return text;
}

bool is_token(std::string_view text) {
    constexpr std::string_view kMarks = "!#$%&'*+-.^_`|~";
    return !text.empty() && std::ranges::all_of(text, [&](char c) {
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
               kMarks.find(c) != std::string_view::npos;
    });
}

std::string lower(std::string text) {
    for (char& c : text) {
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    }
    return text;
}

class AnnotationCheck {
public:
    /// @param reachable  every step from the root was a `properties`
    std::expected<void, std::string> check(const json& schema, bool reachable, bool is_property, int depth) {
        if (depth > kMaxDepth) return std::unexpected{"its schema is nested too deep"};
        if (schema.is_array()) {
            for (const auto& item : schema) {
                if (auto done = check(item, false, false, depth + 1); !done) return done;
            }
            return {};
        }
        if (!schema.is_object()) return {};
        if (const auto found = schema.find(kAnnotation); found != schema.end()) {
            if (auto done = check_one(schema, *found, reachable && is_property); !done) return done;
        }
        for (const auto& [key, value] : schema.items()) {
            if (key == "properties" && value.is_object()) {
                for (const auto& property : value) {
                    if (auto done = check(property, reachable, true, depth + 2); !done) return done;
                }
            } else if (is_subschema(key)) {
                if (auto done = check(value, false, false, depth + 1); !done) return done;
            }
        }
        return {};
    }

private:
    /// Values of these are data, in which the word means nothing.
    static bool is_subschema(const std::string& key) {
        return key != "const" && key != "enum" && key != "default" && key != "examples" && key != kAnnotation;
    }

    std::expected<void, std::string> check_one(const json& schema, const json& name, bool in_place) {
        if (!in_place) return std::unexpected{"x-mcp-header stands where no argument is"};
        if (!name.is_string() || !is_token(name.get_ref<const std::string&>())) {
            return std::unexpected{"an x-mcp-header is no name of a header"};
        }
        const auto type = schema.find("type");
        const bool primitive = type != schema.end() && (*type == "string" || *type == "integer" || *type == "boolean");
        if (!primitive) return std::unexpected{"an argument with x-mcp-header is no string, integer or boolean"};
        if (!seen_.insert(lower(name.get<std::string>())).second) {
            return std::unexpected{"two arguments have the same x-mcp-header"};
        }
        return {};
    }

    std::set<std::string> seen_;
};

/// The argument's value as text; nothing where no header can carry it.
std::string text_of(const json& value) {
    if (value.is_string()) return value.get<std::string>();
    if (value.is_boolean()) return value.get<bool>() ? "true" : "false";
    if (value.is_number()) {
        // A model may write 42.0 where the schema wants an integer; whole numbers up to here are exact as a double.
        const auto number = value.get<double>();
        if (std::abs(number) <= kSafeInteger && std::trunc(number) == number) {
            return std::to_string(static_cast<std::int64_t>(number));
        }
    }
    return {};
}

void collect(const json& schema, const json& arguments, HttpHeaders& headers, int depth) {
    if (depth > kMaxDepth || !schema.is_object() || !arguments.is_object()) return;
    const auto properties = schema.find("properties");
    if (properties == schema.end() || !properties->is_object()) return;
    for (const auto& [name, property] : properties->items()) {
        const auto value = arguments.find(name);
        if (value == arguments.end() || value->is_null() || !property.is_object()) continue;
        if (const auto header = property.find(kAnnotation); header != property.end() && header->is_string()) {
            if (value->is_string() || !text_of(*value).empty()) {
                headers.emplace_back("Mcp-Param-" + header->get<std::string>(), header_value(text_of(*value)));
            }
        }
        collect(property, *value, headers, depth + 1);
    }
}

}  // namespace

std::string header_value(std::string_view text) {
    constexpr std::string_view kPrefix = "=?base64?";
    constexpr std::string_view kSuffix = "?=";
    const bool printable = std::ranges::all_of(text, [](char c) { return c == '\t' || (c >= ' ' && c < 0x7F); });
    const auto is_blank = [](char c) { return c == ' ' || c == '\t'; };
    const bool padded = !text.empty() && (is_blank(text.front()) || is_blank(text.back()));
    const bool looks_encoded = text.starts_with(kPrefix) && text.ends_with(kSuffix);
    if (printable && !padded && !looks_encoded) return std::string{text};
    return std::string{kPrefix} + base64(text) + std::string{kSuffix};
}

std::expected<void, std::string> check_header_annotations(const json& schema) {
    return AnnotationCheck{}.check(schema, true, false, 0);
}

HttpHeaders parameter_headers(const json& schema, const json& arguments) {
    HttpHeaders headers;
    collect(schema, arguments, headers, 0);
    return headers;
}

}  // namespace oiab::clients::mcp
