#pragma once
/// @file  Which tools a turn used, as hashes. Pure; any thread.

#include <nlohmann/json_fwd.hpp>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace oiab::agent {

/// Lower-case hexadecimal SHA-256.
[[nodiscard]] std::string sha256_hex(std::string_view bytes);

struct ToolUse {
    std::string tool;
    std::string input_hash;
    std::string output_hash;
    std::string step{};  ///< of the turn; not part of the trajectory
    /// As tool_events.outcome has it: success, failure or denied; not part of the trajectory.
    std::string outcome = "success";
};

/// Hashes input and output of one call. JSON inputs hash alike whatever their order of keys and their spacing.
[[nodiscard]] ToolUse make_tool_use(std::string tool, const nlohmann::json& input, std::string_view output);

/// `[{tool, input_hash, output_hash}]`, as trajectories.tools has it.
[[nodiscard]] nlohmann::json to_json(std::span<const ToolUse> uses);

/// SHA-256 of the ordered names and hashes: equal for turns that did the same.
[[nodiscard]] std::string trajectory_hash(std::span<const ToolUse> uses);

}  // namespace oiab::agent
