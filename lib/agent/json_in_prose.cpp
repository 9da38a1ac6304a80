#include "agent/json_in_prose.hpp"

#include <nlohmann/json.hpp>

#include "core/json_text.hpp"

namespace oiab::agent {
namespace {

/// After so many that open no object, there is none.
constexpr int kMaxCandidates = 64;

}  // namespace

std::size_t find_closing_bracket(std::string_view text, std::size_t from) {
    int depth = 0;
    bool quoted = false;
    for (std::size_t i = from; i < text.size(); ++i) {
        const char c = text[i];
        if (quoted) {
            if (c == '\\') ++i;
            if (c == '"') quoted = false;
        } else if (c == '"') {
            quoted = true;
        } else if (c == '[' || c == '{') {
            ++depth;
        } else if (c == ']' || c == '}') {
            if (--depth == 0) return i + 1;
        }
    }
    return std::string_view::npos;
}

std::optional<nlohmann::json> find_json_object(std::string_view text) {
    std::size_t from = text.find('{');
    for (int tries = 0; from != std::string_view::npos && tries < kMaxCandidates; ++tries) {
        const std::size_t end = find_closing_bracket(text, from);
        std::size_t next = from + 1;
        if (end != std::string_view::npos) {
            auto value = core::parse_foreign_json(text.substr(from, end - from));
            if (value.is_object()) {
                if (!value.empty()) return value;
                next = end;
            }
        }
        from = text.find('{', next);
    }
    return std::nullopt;
}

}  // namespace oiab::agent
