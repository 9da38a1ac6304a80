#include "agent/tool_arguments.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "agent/tool.hpp"

namespace oiab::agent {
namespace {

const nlohmann::json* find(const nlohmann::json& arguments, const char* name) {
    const auto it = arguments.find(name);
    return it == arguments.end() || it->is_null() ? nullptr : &*it;
}

}  // namespace

std::string required_text(const nlohmann::json& arguments, const char* name) {
    const auto* value = find(arguments, name);
    if (value == nullptr || !value->is_string()) throw ToolRefusal{fmt::format("\"{}\" must be a string", name)};
    auto text = value->get<std::string>();
    std::erase(text, '\0');
    if (text.find_first_not_of(" \t\r\n") == std::string::npos) {
        throw ToolRefusal{fmt::format("\"{}\" must not be empty", name)};
    }
    return text;
}

std::string one_of(const nlohmann::json& arguments, const char* name, std::initializer_list<std::string_view> words) {
    const auto* value = find(arguments, name);
    if (value == nullptr) return std::string{*words.begin()};
    if (value->is_string() && std::ranges::find(words, value->get_ref<const std::string&>()) != words.end()) {
        return value->get<std::string>();
    }
    throw ToolRefusal{fmt::format("\"{}\" must be one of {}", name, fmt::join(words, ", "))};
}

int integer_within(const nlohmann::json& arguments, const char* name, int fallback, int least, int most) {
    const auto* value = find(arguments, name);
    if (value == nullptr) return fallback;
    if (value->is_number_integer() && *value >= least && *value <= most) return value->get<int>();
    throw ToolRefusal{fmt::format("\"{}\" must be a whole number from {} to {}", name, least, most)};
}

}  // namespace oiab::agent
