#pragma once
/// @file  What a model is asked about a finished turn, and what it answers. Pure; any thread.

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "store/messages.hpp"

namespace oiab::agent {

[[nodiscard]] std::string make_reflection_system_prompt();

/// The turn as the model is shown it: request, tool calls with their answers in order, final answer; long parts are
/// cut, so that the whole stays within about 12 000 tokens. The same messages always give the same text.
[[nodiscard]] std::string make_reflection_prompt(std::span<const store::MessageRow> turn);

struct Reflection {
    std::string worked;
    std::string failed;
    std::string reusable;  ///< empty where nothing is

    /// As trajectories.reflection has it: a line for each of the three.
    [[nodiscard]] std::string text() const;
};

/// Reads {"worked", "failed", "reusable"}, also out of prose and fenced code. Untrusted: an answer without such an
/// object counts as a whole for what worked. Every part is bounded and valid UTF-8.
[[nodiscard]] Reflection parse_reflection(std::string_view answer);

}  // namespace oiab::agent
