#pragma once
/// @file  What turns taught: reflections, turns that resemble each other, and the skills proposed from them. Lane
/// threads only; every function blocks and throws what the transaction does.

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/uuid.hpp"
#include "pg/transaction.hpp"
#include "store/skills.hpp"
#include "store/trajectories.hpp"

namespace oiab::store {

struct TrajectoryRow {
    TrajectoryId id;
    std::optional<core::TenantId> tenant_id;
    std::optional<core::UserId> user_id;
    std::string session_id;
    std::optional<core::JobId> job_id;
    std::string tools;  ///< JSON array [{tool, input_hash, output_hash}]
    std::string outcome;
    std::string reflection;
    bool is_reflected = false;
    std::int64_t created_at_us = 0;  ///< microseconds since 1970
};

[[nodiscard]] std::optional<TrajectoryRow> find_trajectory(pg::Transaction& tx, TrajectoryId id);
/// The trajectory of a turn.
[[nodiscard]] std::optional<TrajectoryRow> find_trajectory(pg::Transaction& tx, core::JobId job);

struct ReflectionEmbedding {
    std::string model;
    std::vector<float> values;
};

/// Writes a reflection down, with its embedding where there is one (the database must have embeddings then).
/// @returns false where the trajectory has a reflection already, or is gone; nothing is written then.
bool store_reflection(pg::Transaction& tx, TrajectoryId id, const std::string& reflection,
                      const std::optional<ReflectionEmbedding>& embedding);

/// @returns nullopt where the trajectory has none. Needs a database with embeddings.
[[nodiscard]] std::optional<ReflectionEmbedding> find_reflection_embedding(pg::Transaction& tx, TrajectoryId id);

/// Lets one caller at a time decide about the skills of the trajectory's tenant (of its user, without one), until the
/// transaction ends. Waits.
void lock_learning(pg::Transaction& tx, const TrajectoryRow& trajectory);

struct AlikeTrajectory {
    TrajectoryId id;
    std::string tools;
    std::string outcome;
    std::string reflection;
    std::int64_t created_at_us = 0;  ///< microseconds since 1970
};

/// The others within the tenant (without one: of the same user) whose reflection passes `cosine` in likeness by the
/// same embedding model, nearest first. Needs a database with embeddings.
[[nodiscard]] std::vector<AlikeTrajectory> find_alike_trajectories(pg::Transaction& tx, const TrajectoryRow& trajectory,
                                                                   const ReflectionEmbedding& embedding, double cosine,
                                                                   int limit);

struct AlikeSource {
    SkillId skill_id;
    std::string tools;
};

/// The same among the trajectories that existing skills were derived from, whatever the skills' status.
[[nodiscard]] std::vector<AlikeSource> find_alike_sources(pg::Transaction& tx, const TrajectoryRow& trajectory,
                                                          const ReflectionEmbedding& embedding, double cosine);

struct NewSkill {
    std::optional<core::TenantId> tenant_id;
    std::string name;
    std::string description;
    std::string body;
    std::vector<TrajectoryId> source_trajectories;
    std::string cluster_key;
};

/// Adds a proposed skill. @returns nullopt where the tenant has one of that cluster already.
std::optional<SkillId> insert_skill(pg::Transaction& tx, const NewSkill& skill);

}  // namespace oiab::store
