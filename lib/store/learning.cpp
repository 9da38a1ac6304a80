#include "store/learning.hpp"

#include "store/rows.hpp"
#include "store/sql.hpp"

namespace oiab::store {
namespace {

std::optional<TrajectoryRow> read_trajectory(const pqxx::result& found) {
    if (found.empty()) return std::nullopt;
    const auto row = found[0];
    TrajectoryRow trajectory;
    trajectory.id = rows::read_id<TrajectoryId>(row["id"]);
    trajectory.tenant_id = rows::read_optional_id<core::TenantId>(row["tenant_id"]);
    trajectory.user_id = rows::read_optional_id<core::UserId>(row["user_id"]);
    trajectory.session_id = rows::read_text(row["session_id"]);
    trajectory.job_id = rows::read_optional_id<core::JobId>(row["job_id"]);
    trajectory.tools = rows::read_text(row["tools"]);
    trajectory.outcome = rows::read_text(row["outcome"]);
    trajectory.reflection = rows::read_text(row["reflection"]);
    trajectory.is_reflected = row["is_reflected"].as<bool>();
    trajectory.created_at_us = row["created_at_us"].as<std::int64_t>();
    return trajectory;
}

/// The comma-separated form in braces that the server reads as uuid[].
std::string array_literal(std::span<const TrajectoryId> ids) {
    std::string text = "{";
    for (const auto id : ids) {
        if (text.size() > 1) text += ',';
        text += id.to_string();
    }
    return text + "}";
}

}  // namespace

std::optional<TrajectoryRow> find_trajectory(pg::Transaction& tx, TrajectoryId id) {
    return read_trajectory(tx.run(sql::find_trajectory, pqxx::params{id.to_string()}));
}

std::optional<TrajectoryRow> find_trajectory(pg::Transaction& tx, core::JobId job) {
    return read_trajectory(tx.run(sql::find_trajectory_of_job, pqxx::params{job.to_string()}));
}

bool store_reflection(pg::Transaction& tx, TrajectoryId id, const std::string& reflection,
                      const std::optional<ReflectionEmbedding>& embedding) {
    const auto stored = tx.run(sql::store_reflection, pqxx::params{id.to_string(), rows::without_nul(reflection)});
    if (stored.empty()) return false;
    if (embedding) {
        (void)tx.run(sql::store_reflection_embedding,
                     pqxx::params{id.to_string(), embedding->model, rows::vector_literal(embedding->values)});
    }
    return true;
}

std::optional<ReflectionEmbedding> find_reflection_embedding(pg::Transaction& tx, TrajectoryId id) {
    const auto found = tx.run(sql::find_trajectory_embedding, pqxx::params{id.to_string()});
    if (found.empty()) return std::nullopt;
    return ReflectionEmbedding{rows::read_text(found[0]["embedding_model"]),
                               rows::read_vector(found[0]["embedding"].view())};
}

void lock_learning(pg::Transaction& tx, const TrajectoryRow& trajectory) {
    const auto owner = trajectory.tenant_id ? rows::text_of(trajectory.tenant_id) : rows::text_of(trajectory.user_id);
    (void)tx.run(sql::lock_learning, pqxx::params{owner.value_or("")});
}

std::vector<AlikeTrajectory> find_alike_trajectories(pg::Transaction& tx, const TrajectoryRow& trajectory,
                                                     const ReflectionEmbedding& embedding, double cosine, int limit) {
    (void)tx.run(sql::allow_iterative_scan);
    std::vector<AlikeTrajectory> alike;
    const auto found =
        tx.run(sql::find_alike_trajectories,
               pqxx::params{rows::text_of(trajectory.tenant_id), rows::text_of(trajectory.user_id), embedding.model,
                            rows::vector_literal(embedding.values), cosine, limit, trajectory.id.to_string()});
    for (const auto& row : found) {
        alike.push_back({rows::read_id<TrajectoryId>(row["id"]), rows::read_text(row["tools"]),
                         rows::read_text(row["outcome"]), rows::read_text(row["reflection"]),
                         row["created_at_us"].as<std::int64_t>()});
    }
    return alike;
}

std::vector<AlikeSource> find_alike_sources(pg::Transaction& tx, const TrajectoryRow& trajectory,
                                            const ReflectionEmbedding& embedding, double cosine) {
    std::vector<AlikeSource> sources;
    const auto found = tx.run(sql::find_alike_sources,
                              pqxx::params{rows::text_of(trajectory.tenant_id), rows::text_of(trajectory.user_id),
                                           embedding.model, rows::vector_literal(embedding.values), cosine});
    for (const auto& row : found) {
        sources.push_back({rows::read_id<SkillId>(row["skill_id"]), rows::read_text(row["tools"])});
    }
    return sources;
}

std::optional<SkillId> insert_skill(pg::Transaction& tx, const NewSkill& skill) {
    const auto inserted =
        tx.run(sql::insert_skill, pqxx::params{rows::text_of(skill.tenant_id), rows::without_nul(skill.name),
                                               rows::without_nul(skill.description), rows::without_nul(skill.body),
                                               array_literal(skill.source_trajectories), skill.cluster_key});
    if (inserted.empty()) return std::nullopt;
    return rows::read_id<SkillId>(inserted[0][0]);
}

}  // namespace oiab::store
