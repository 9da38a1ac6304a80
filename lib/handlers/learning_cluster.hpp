#pragma once
/// @file  Which turns resemble a turn, and whether a skill was made of them. For the learning kinds. Lane threads only.

#include <optional>
#include <vector>

#include "pg/transaction.hpp"
#include "store/learning.hpp"

namespace oiab::handlers {

struct Cluster {
    std::vector<store::AlikeTrajectory> others;  ///< nearest first, without the turn itself
    /// A skill that was derived from a turn which resembles this one, whatever its status: the cluster has had its
    /// proposal, however much it grows.
    std::optional<store::SkillId> covered_by;

    /// Whether a skill is to be proposed.
    [[nodiscard]] bool is_ripe() const noexcept;
};

/// Looks at what is committed; hold store::lock_learning, lest two look at once and neither sees the other's turn.
/// Blocks. @throws what the transaction does
[[nodiscard]] Cluster find_cluster(pg::Transaction& tx, const store::TrajectoryRow& trajectory,
                                   const store::ReflectionEmbedding& embedding);

}  // namespace oiab::handlers
