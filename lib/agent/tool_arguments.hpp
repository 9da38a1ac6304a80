#pragma once
/// @file  Reads the arguments that a model gives a tool: untrusted. Pure; any thread.

#include <initializer_list>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

namespace oiab::agent {

/// A string that is not blank, without NUL. @throws ToolRefusal
[[nodiscard]] std::string required_text(const nlohmann::json& arguments, const char* name);

/// One of the given words; the first of them where the argument is missing. @throws ToolRefusal
[[nodiscard]] std::string one_of(const nlohmann::json& arguments, const char* name,
                                 std::initializer_list<std::string_view> words);

/// A whole number within bounds; `fallback` where the argument is missing. @throws ToolRefusal
[[nodiscard]] int integer_within(const nlohmann::json& arguments, const char* name, int fallback, int least, int most);

}  // namespace oiab::agent
