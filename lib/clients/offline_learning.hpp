#pragma once
/// @file  How the offline model looks back on a turn and makes a skill of several: by the prompts' wording alone. Pure;
/// any thread.

#include <optional>
#include <string>
#include <string_view>

namespace oiab::clients {

/// The answer where the system message asks to "review a finished turn" ({worked, failed, reusable}) or says "You write
/// skills" ({name, description, body}); nullopt for every other conversation. The same prompts always give the same
/// answer.
[[nodiscard]] std::optional<std::string> answer_learning_offline(std::string_view system, std::string_view prompt);

/// The skill that a user asks for ("use the skill NAME"), or nullopt.
[[nodiscard]] std::optional<std::string> wanted_skill(std::string_view text);

}  // namespace oiab::clients
