#pragma once
/// @file  When two turns did the same kind of work, and which cluster of turns a skill stands for. Pure; any thread.

#include <cstddef>
#include <cstdint>
#include <set>
#include <span>
#include <string>
#include <string_view>

namespace oiab::agent {

/// Cosine of two reflections that must be passed, not merely reached.
inline constexpr double kAlikeCosine = 0.8;
/// Turns that resemble each other, the one at hand included, from which a skill is proposed.
inline constexpr std::size_t kClusterSize = 3;

using ToolSet = std::set<std::string, std::less<>>;

/// The names in trajectories.tools. A set: a turn that searched five times did the same kind of work as one that
/// searched twice. What is not as it must be counts for nothing.
[[nodiscard]] ToolSet tool_set(std::string_view tools_json);

/// Whether |A∩B| / max(|A|, |B|) is at least 70 %. Turns without tools resemble nothing.
[[nodiscard]] bool tools_overlap(const ToolSet& a, const ToolSet& b);

struct ClusterMember {
    std::string id;
    std::int64_t created_at_us = 0;  ///< microseconds since 1970
};

/// Names a cluster by its oldest member, so that it keeps its name while it grows. Not empty where there are members.
[[nodiscard]] std::string cluster_key(std::span<const ClusterMember> members);

}  // namespace oiab::agent
