#include "handlers/learning_propose.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <nlohmann/json.hpp>

#include "agent/learning.hpp"
#include "agent/model_call.hpp"
#include "agent/skill_proposal.hpp"
#include "agent/turn.hpp"
#include "handlers/budget_refusal.hpp"
#include "handlers/learning_cluster.hpp"
#include "handlers/payload.hpp"
#include "store/audit.hpp"
#include "store/learning.hpp"

namespace oiab::handlers {
namespace {

namespace asio = boost::asio;
using nlohmann::json;

/// Turns that a model is shown. More of the same kind add little.
constexpr std::size_t kMostReviews = 8;
/// Turns that a skill names as its sources: enough to tell, later, that a turn belongs to its cluster.
constexpr std::size_t kMostSources = 50;

[[noreturn]] void refuse(const std::string& why) { throw EndAttempt{core::failed(core::FailureReason::kError, why)}; }

core::Outcome noted(const std::string& note) { return core::completed(json{{"note", note}}.dump()); }

struct OpenedProposal {
    agent::Scene scene;
    store::TrajectoryRow trajectory;
    std::optional<store::ReflectionEmbedding> embedding;
};

OpenedProposal open_proposal(pg::Transaction& tx, Attempt& attempt, const agent::AgentWorld& world,
                             store::TrajectoryId id) {
    attempt.guard_in(tx);
    auto trajectory = store::find_trajectory(tx, id);
    if (!trajectory || !trajectory->user_id) refuse("there is no trajectory " + id.to_string());
    OpenedProposal opened;
    opened.trajectory = std::move(*trajectory);
    if (world.embedder && store::has_embeddings(tx)) opened.embedding = store::find_reflection_embedding(tx, id);
    if (!opened.embedding) return opened;
    opened.scene = agent::open_scene(tx, attempt, world, *opened.trajectory.user_id, opened.trajectory.session_id);
    return opened;
}

agent::TurnReview make_review(const std::string& tools, std::string outcome, std::string reflection) {
    const auto names = agent::tool_set(tools);
    return {{names.begin(), names.end()}, std::move(outcome), std::move(reflection)};
}

/// {note} where nothing is to be proposed, else {key, sources, prompt}: what later attempts must find unchanged.
json describe_cluster(pg::Transaction& tx, Attempt& attempt, const OpenedProposal& opened) {
    attempt.guard_in(tx);
    store::lock_learning(tx, opened.trajectory);
    const auto cluster = find_cluster(tx, opened.trajectory, *opened.embedding);
    if (cluster.covered_by) return {{"note", "the cluster has its skill already"}};
    if (!cluster.is_ripe()) return {{"note", "too few turns resemble this one"}};

    const auto& own = opened.trajectory;
    std::vector<agent::ClusterMember> members{{own.id.to_string(), own.created_at_us}};
    std::vector<agent::TurnReview> reviews{make_review(own.tools, own.outcome, own.reflection)};
    json sources = json::array({own.id.to_string()});
    for (const auto& other : cluster.others) {
        members.push_back({other.id.to_string(), other.created_at_us});
        if (sources.size() < kMostSources) sources.push_back(other.id.to_string());
        if (reviews.size() < kMostReviews) {
            reviews.push_back(make_review(other.tools, other.outcome, other.reflection));
        }
    }
    return {{"key", agent::cluster_key(members)},
            {"sources", std::move(sources)},
            {"prompt", agent::make_skill_prompt(reviews)}};
}

asio::awaitable<json> freeze_cluster(Attempt& attempt, const OpenedProposal& opened) {
    Attempt::StepBody body = [&](StepCall) -> asio::awaitable<json> {
        auto describe = [&](pg::Transaction& tx) { return describe_cluster(tx, attempt, opened); };
        co_return co_await attempt.transact(describe);
    };
    StepOptions options;
    options.repeatable = true;
    json input{{"trajectory", opened.trajectory.id.to_string()}};
    co_return co_await attempt.step("cluster", std::move(input), std::move(body), std::move(options));
}

clients::ChatMessage message(clients::Role role, std::string text) {
    clients::ChatMessage made;
    made.role = role;
    made.content = std::move(text);
    return made;
}

struct Written {
    agent::SkillDraft draft;
    double cost_usd = 0;
    int rounds = 0;
};

/// Asks for the skill and, where it cannot be used, once more with the reasons.
asio::awaitable<Written> write_skill(Attempt& attempt, const agent::AgentWorld& world, const OpenedProposal& opened,
                                     std::string prompt) {
    constexpr int kMaxRounds = 2;
    Written written;
    std::vector<clients::ChatMessage> conversation{message(clients::Role::kUser, std::move(prompt))};
    for (;;) {
        ++written.rounds;
        agent::ModelCall call;
        call.step = fmt::format("skill-{}", written.rounds);
        call.session_id = opened.trajectory.session_id;
        call.purpose = "reflection";
        call.model = opened.scene.model;
        call.system_prompt = agent::make_skill_system_prompt();
        call.turn = conversation;
        call.streamed = false;
        const auto reply = co_await agent::call_model(attempt, world, opened.scene.person, std::move(call));
        written.cost_usd += reply.cost_usd;
        auto draft = agent::parse_skill_answer(reply.content);
        if (draft) {
            written.draft = std::move(*draft);
            co_return written;
        }
        if (written.rounds == kMaxRounds) {
            refuse(fmt::format("the model wrote no usable skill, also when it was told why: {}",
                               fmt::join(draft.error(), "; ")));
        }
        conversation.push_back(message(clients::Role::kAssistant, reply.content));
        conversation.push_back(message(clients::Role::kUser, agent::make_skill_correction(draft.error())));
    }
}

store::NewSkill make_skill(const OpenedProposal& opened, const agent::SkillDraft& draft, const json& cluster) {
    store::NewSkill skill;
    skill.tenant_id = opened.trajectory.tenant_id;
    skill.name = draft.name;
    skill.description = draft.description;
    skill.body = draft.body;
    skill.cluster_key = cluster.at("key").get<std::string>();
    for (const auto& id : cluster.at("sources")) {
        skill.source_trajectories.push_back(
            store::TrajectoryId::parse(id.get_ref<const std::string&>()).value_or(store::TrajectoryId{}));
    }
    return skill;
}

void audit(pg::Transaction& tx, const core::Job& job, const store::NewSkill& skill, store::SkillId id) {
    store::AuditEntry entry;
    entry.entry_key = job.id.to_string() + ":admin.skill_propose";
    entry.tenant_id = skill.tenant_id;
    entry.actor = "system";
    entry.action = "admin.skill_propose";
    entry.target = "skill:" + id.to_string();
    entry.payload = json{{"name", skill.name},
                         {"sources", skill.source_trajectories.size()},
                         {"clusterKey", skill.cluster_key},
                         {"jobId", job.id.to_string()}}
                        .dump();
    store::append_audit(tx, {&entry, 1});
}

}  // namespace

LearningPropose::LearningPropose(std::shared_ptr<const agent::AgentWorld> world) : world_{std::move(world)} {}

asio::awaitable<core::Outcome> LearningPropose::run(Attempt& attempt) {
    std::optional<std::string> refusal;
    try {
        co_return co_await propose(attempt);
    } catch (const EndAttempt& end) {
        refusal = budget_refusal(end);
        if (!refusal) throw;
    }
    co_return noted(*refusal);
}

asio::awaitable<core::Outcome> LearningPropose::propose(Attempt& attempt) {
    const Payload payload{attempt.job().payload};
    const store::TrajectoryId id{payload.required_uuid("trajectoryId")};
    if (!world_->settings.learning) co_return noted("learning is switched off");

    auto open = [&](pg::Transaction& tx) { return open_proposal(tx, attempt, *world_, id); };
    const OpenedProposal opened = co_await attempt.transact(open);
    if (!opened.embedding) co_return noted("the turn's reflection has no embedding to compare");
    const json cluster = co_await freeze_cluster(attempt, opened);
    if (cluster.contains("note")) co_return noted(cluster.at("note").get<std::string>());
    std::string prompt = cluster.at("prompt").get<std::string>();
    const Written written = co_await write_skill(attempt, *world_, opened, std::move(prompt));

    std::function<std::string(pg::Transaction&)> keep = [&](pg::Transaction& tx) {
        json result{{"rounds", written.rounds}, {"costUsd", written.cost_usd}};
        const auto skill = make_skill(opened, written.draft, cluster);
        // The model took its time: somebody may have been quicker.
        store::lock_learning(tx, opened.trajectory);
        const bool covered = find_cluster(tx, opened.trajectory, *opened.embedding).covered_by.has_value();
        const auto skill_id = covered ? std::nullopt : store::insert_skill(tx, skill);
        if (!skill_id) {
            result["note"] = "the cluster has its skill already";
            return result.dump();
        }
        audit(tx, attempt.job(), skill, *skill_id);
        result["skillId"] = skill_id->to_string();
        result["name"] = skill.name;
        return result.dump();
    };
    co_return co_await attempt.complete_in(std::move(keep));
}

}  // namespace oiab::handlers
