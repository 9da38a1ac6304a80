#include "agent/skill_file.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "agent/trajectory.hpp"
#include "clients/utf8.hpp"

namespace oiab::agent {
namespace {

constexpr std::size_t kLongestName = 64;
constexpr std::size_t kHashDigits = 8;
constexpr std::size_t kLongestDescription = 1024;  // in characters

bool is_separator(char c) { return c == ' ' || c == '-' || c == '_' || c == '.' || c == '/' || c == ':'; }

bool is_continuation(char c) { return (static_cast<unsigned char>(c) & 0xC0U) == 0x80U; }

/// Whether YAML refuses the character that begins here, or takes it for the end of a line. `text` is valid UTF-8.
bool is_unprintable(std::string_view character) {
    const auto first = static_cast<unsigned char>(character.front());
    if (first < 0x20U || first == 0x7FU) return true;
    if (first == 0xC2U && static_cast<unsigned char>(character[1]) < 0xA0U) return true;  // U+0080 to U+009F
    return character == "\u2028" || character == "\u2029" || character == "\ufeff" || character == "\ufffe" ||
           character == "\uffff";
}

/// Without line breaks, control characters and runs of blanks, cut to what a description may be.
std::string one_line(std::string_view text) {
    const std::string valid = clients::to_valid_utf8(text);
    std::string line;
    std::size_t count = 0;
    for (std::size_t at = 0; at < valid.size() && count < kLongestDescription;) {
        std::size_t size = 1;
        while (at + size < valid.size() && is_continuation(valid[at + size])) ++size;
        const std::string_view character{valid.data() + at, size};
        at += size;
        const bool blank = character == " " || is_unprintable(character);
        if (blank && (line.empty() || line.back() == ' ')) continue;
        line += blank ? " " : character;
        ++count;
    }
    if (line.ends_with(' ')) line.pop_back();
    return line;
}

}  // namespace

std::string make_skill_file_name(std::string_view name) {
    std::string made;
    bool lost = false;
    for (const char c : name) {
        if (c >= 'A' && c <= 'Z') {
            made += static_cast<char>(c - 'A' + 'a');
        } else if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')) {
            made += c;
        } else {
            lost |= !is_separator(c);
            if (!made.empty() && made.back() != '-') made += '-';
        }
    }
    while (made.ends_with('-')) made.pop_back();
    if (!lost && !made.empty() && made.size() <= kLongestName) return made;
    made.resize(std::min(made.size(), kLongestName - kHashDigits - 1));
    while (made.ends_with('-')) made.pop_back();
    if (made.empty()) made = "skill";
    return made + "-" + sha256_hex(name).substr(0, kHashDigits);
}

std::string make_skill_file(std::string_view name, std::string_view description, std::string_view body, int version) {
    std::string line = one_line(description);
    if (line.empty()) line = one_line(name);
    if (line.empty()) line = "A skill without a description.";
    // A JSON string without control characters is a double-quoted scalar of YAML.
    std::string text =
        fmt::format("---\nname: {}\ndescription: {}\nmetadata:\n  version: \"{}\"\n---\n\n{}",
                    make_skill_file_name(name), nlohmann::json(line).dump(), version, clients::to_valid_utf8(body));
    if (!text.ends_with('\n')) text += '\n';
    return text;
}

}  // namespace oiab::agent
