#include "handlers/learning_cluster.hpp"

#include <algorithm>

#include "agent/learning.hpp"

namespace oiab::handlers {
namespace {

/// Nearest ones that are looked at. Three suffice for a proposal; the rest makes it better founded.
constexpr int kMostAlike = 200;

}  // namespace

bool Cluster::is_ripe() const noexcept { return !covered_by && others.size() + 1 >= agent::kClusterSize; }

Cluster find_cluster(pg::Transaction& tx, const store::TrajectoryRow& trajectory,
                     const store::ReflectionEmbedding& embedding) {
    const auto own = agent::tool_set(trajectory.tools);
    const auto overlaps = [&own](const auto& other) { return agent::tools_overlap(own, agent::tool_set(other.tools)); };
    Cluster cluster;
    cluster.others = store::find_alike_trajectories(tx, trajectory, embedding, agent::kAlikeCosine, kMostAlike);
    std::erase_if(cluster.others, [&](const auto& other) { return !overlaps(other); });
    const auto sources = store::find_alike_sources(tx, trajectory, embedding, agent::kAlikeCosine);
    const auto source = std::ranges::find_if(sources, overlaps);
    if (source != sources.end()) cluster.covered_by = source->skill_id;
    return cluster;
}

}  // namespace oiab::handlers
