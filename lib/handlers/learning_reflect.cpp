#include "handlers/learning_reflect.hpp"

#include <boost/asio/error.hpp>
#include <boost/system/system_error.hpp>
#include <nlohmann/json.hpp>

#include "agent/installation_embedder.hpp"
#include "agent/learning.hpp"
#include "agent/ledger.hpp"
#include "agent/model_call.hpp"
#include "agent/reflect_later.hpp"
#include "agent/reflection.hpp"
#include "agent/tokens.hpp"
#include "agent/trajectory.hpp"
#include "agent/turn.hpp"
#include "handlers/budget_refusal.hpp"
#include "handlers/learning_cluster.hpp"
#include "handlers/payload.hpp"
#include "store/embeddings.hpp"
#include "store/learning.hpp"

namespace oiab::handlers {
namespace {

namespace asio = boost::asio;
using clients::ModelErrorClass;
using nlohmann::json;

/// Where a provider is out of order and nobody knows for how long.
constexpr std::chrono::seconds kUnknownWait{30};

[[noreturn]] void refuse(const std::string& why) { throw EndAttempt{core::failed(core::FailureReason::kError, why)}; }

struct OpenedReflection {
    agent::Scene scene;
    store::TrajectoryRow trajectory;
    std::string prompt;
    bool with_embedding = false;
    std::string note;  ///< why there is nothing to do; empty where there is
};

OpenedReflection open_reflection(pg::Transaction& tx, Attempt& attempt, const agent::AgentWorld& world,
                                 const std::string& session_id, core::JobId turn) {
    attempt.guard_in(tx);
    OpenedReflection opened;
    auto trajectory = store::find_trajectory(tx, turn);
    if (!trajectory || !trajectory->user_id) refuse("the job has left no trajectory: " + turn.to_string());
    if (trajectory->session_id != session_id) refuse("the turn belongs to another session");
    opened.trajectory = std::move(*trajectory);
    if (opened.trajectory.is_reflected) {
        opened.note = "the turn has its reflection already";
    } else if (agent::tool_set(opened.trajectory.tools).empty()) {
        opened.note = "the turn used no tool";
    }
    if (!opened.note.empty()) return opened;
    opened.scene = agent::open_scene(tx, attempt, world, *opened.trajectory.user_id, session_id);
    const auto messages = store::load_turn_messages(tx, session_id, turn);
    if (messages.empty()) opened.note = "the turn's messages are gone";
    opened.prompt = agent::make_reflection_prompt(messages);
    opened.with_embedding = world.embedder != nullptr && store::has_embeddings(tx);
    return opened;
}

agent::ModelCall make_call(const OpenedReflection& opened) {
    agent::ModelCall call;
    call.step = "reflection";
    call.session_id = opened.trajectory.session_id;
    call.purpose = "reflection";
    call.model = opened.scene.model;
    call.system_prompt = agent::make_reflection_system_prompt();
    call.streamed = false;
    clients::ChatMessage& question = call.turn.emplace_back();
    question.content = opened.prompt;
    return call;
}

/// An embedding call that failed. One that may succeed later ends the attempt: the model's answer is recorded and not
/// asked for again. One that is refused for good costs the reflection its company, not its life.
void end_unless_permanent(Attempt& attempt, const clients::ModelError& error) {
    switch (error.kind) {
        case ModelErrorClass::kCancelled: throw boost::system::system_error{asio::error::operation_aborted};
        // Nothing was asked of the provider, so no attempt is burnt.
        case ModelErrorClass::kUnavailable: throw EndAttempt{core::snoozed(error.retry_after.value_or(kUnknownWait))};
        case ModelErrorClass::kDeadline:
        case ModelErrorClass::kRetryable:
            throw EndAttempt{core::retry_not_before("the embedding call failed: " + error.message, error.retry_after)};
        case ModelErrorClass::kPermanent:
        case ModelErrorClass::kContextLength: break;
    }
    attempt.log(LogLevel::kWarning, "the reflection is kept without an embedding: " + error.message);
}

/// Asks for the reflection's embedding, within the budget, and keeps it in the cache. @returns empty where there is
/// none
asio::awaitable<std::vector<float>> ask_embedder(Attempt& attempt, const agent::AgentWorld& world,
                                                 const OpenedReflection& opened, std::string text) {
    const agent::Payer payer = agent::payer_of(opened.scene.person);
    agent::Charge charge;
    charge.request_id = attempt.job().id.to_string() + ":embedding";
    charge.job_id = attempt.job().id;
    charge.session_id = opened.trajectory.session_id;
    charge.purpose = "embedding";
    charge.model = {world.settings.embedding_provider, std::string{world.embedder->model()}};
    charge.tokens.input = agent::estimate_tokens(text);
    auto begin = [&](pg::Transaction& tx) {
        if (world.row_embedder) {
            world.row_embedder->refresh(tx);
            charge.model.row = world.row_embedder->row();
        }
        return agent::begin_call(tx, attempt, payer, charge, agent::AnswerLength::kNone);
    };
    const auto begun = co_await attempt.transact(begin);
    if (begun.admission.answer == agent::Admit::kRefused) {
        attempt.log(LogLevel::kInfo, "the reflection is kept without an embedding: the budget affords none");
        co_return std::vector<float>{};
    }
    if (begun.admission.answer != agent::Admit::kGranted) agent::end_without(begun.admission, attempt);

    std::vector<std::string> texts{text};
    auto answer = co_await world.embedder->embed(std::move(texts), attempt.deadline());
    if (!answer) {
        charge.cost_usd = agent::cost_usd(charge.tokens, begun.price);
        const bool may_be_billed = answer.error().may_be_billed;
        auto abandon = [&](pg::Transaction& tx) { agent::abandon_call(tx, payer, attempt, charge, may_be_billed); };
        if (answer.error().kind != ModelErrorClass::kCancelled) co_await attempt.transact(abandon);
        end_unless_permanent(attempt, answer.error());
        co_return std::vector<float>{};
    }
    charge.tokens.input = answer->tokens;
    charge.cost_usd = agent::cost_usd(charge.tokens, begun.price);
    auto& item = answer->items.at(0);
    auto keep = [&](pg::Transaction& tx) {
        attempt.guard_in(tx);
        agent::end_call(tx, payer, attempt.job().lease_epoch, charge);
        if (!item.refused()) store::cache_embeddings(tx, charge.model.model, {{agent::sha256_hex(text), item.vector}});
    };
    co_await attempt.transact(keep);
    co_return std::move(item.vector);
}

/// The reflection's embedding; from the cache where an attempt before a crash has paid for it.
asio::awaitable<std::optional<store::ReflectionEmbedding>> embed(Attempt& attempt, const agent::AgentWorld& world,
                                                                 const OpenedReflection& opened, std::string text) {
    if (!opened.with_embedding) co_return std::nullopt;
    const std::string model{world.embedder->model()};
    const std::vector<std::string> hash{agent::sha256_hex(text)};
    auto look_up = [&](pg::Transaction& tx) { return store::find_cached_embeddings(tx, model, hash); };
    auto known = co_await attempt.transact(look_up);
    if (!known.empty()) co_return store::ReflectionEmbedding{model, std::move(known.begin()->second)};
    auto vector = co_await ask_embedder(attempt, world, opened, std::move(text));
    if (vector.empty()) co_return std::nullopt;
    co_return store::ReflectionEmbedding{model, std::move(vector)};
}

/// Remembers what is reusable, for the user alone; the same words once, however many turns teach them.
/// @returns whether there was anything to remember
bool keep_skill_note(pg::Transaction& tx, const OpenedReflection& opened, const agent::Reflection& reflection) {
    const auto& person = opened.scene.person;
    if (reflection.reusable.empty() || !person.permissions.write_memory) return false;
    store::NewMemory memory;
    memory.user_id = person.user_id;
    memory.tenant_id = person.tenant_id;
    memory.kind = "skill-note";
    memory.content = reflection.reusable;
    memory.source_session_id = opened.trajectory.session_id;
    memory.idempotency_key = "skill-note:" + person.user_id.to_string() + ":" + agent::sha256_hex(reflection.reusable);
    store::insert_memory(tx, memory);
    return true;
}

core::NewJob make_proposal_job(const store::TrajectoryRow& trajectory) {
    core::NewJob job;
    job.kind = "learning-propose";
    job.payload = json{{"trajectoryId", trajectory.id.to_string()}}.dump();
    job.dedupe_key = "learning-propose:" + trajectory.id.to_string();
    // One at a time: the second finds the first one's skill before it asks a model.
    job.serial_key = "learning:" + (trajectory.tenant_id ? trajectory.tenant_id->to_string()
                                                         : trajectory.user_id.value_or(core::UserId{}).to_string());
    job.priority = agent::kLearningPriority;
    job.tenant_id = trajectory.tenant_id;
    job.user_id = trajectory.user_id;
    return job;
}

}  // namespace

LearningReflect::LearningReflect(std::shared_ptr<const agent::AgentWorld> world) : world_{std::move(world)} {}

asio::awaitable<core::Outcome> LearningReflect::run(Attempt& attempt) {
    std::optional<std::string> refusal;
    try {
        co_return co_await reflect(attempt);
    } catch (const EndAttempt& end) {
        refusal = budget_refusal(end);
        if (!refusal) throw;
    }
    co_return core::completed(json{{"note", *refusal}}.dump());
}

asio::awaitable<core::Outcome> LearningReflect::reflect(Attempt& attempt) {
    const Payload payload{attempt.job().payload};
    const std::string session_id = payload.required_text("sessionId");
    const core::JobId turn{payload.required_uuid("jobId")};
    if (!world_->settings.learning) co_return core::completed(json{{"note", "learning is switched off"}}.dump());

    auto open = [&](pg::Transaction& tx) { return open_reflection(tx, attempt, *world_, session_id, turn); };
    const OpenedReflection opened = co_await attempt.transact(open);
    if (!opened.note.empty()) co_return core::completed(json{{"note", opened.note}}.dump());

    agent::ModelCall call = make_call(opened);
    const auto reply = co_await agent::call_model(attempt, *world_, opened.scene.person, std::move(call));
    const auto reflection = agent::parse_reflection(reply.content);
    const std::string text = reflection.text();
    const auto embedding = co_await embed(attempt, *world_, opened, text);

    std::function<std::string(pg::Transaction&)> keep = [&](pg::Transaction& tx) {
        const auto& trajectory = opened.trajectory;
        store::lock_learning(tx, trajectory);
        json result{{"trajectoryId", trajectory.id.to_string()}, {"costUsd", reply.cost_usd}};
        if (!store::store_reflection(tx, trajectory.id, text, embedding)) {
            result["note"] = "the turn has its reflection already";
            return result.dump();
        }
        result["skillNote"] = keep_skill_note(tx, opened, reflection);
        if (result["skillNote"] && opened.with_embedding) {
            agent::enqueue_embedding(tx, attempt, opened.scene.person);
        }
        if (!embedding) return result.dump();
        const auto cluster = find_cluster(tx, trajectory, *embedding);
        result["similar"] = cluster.others.size();
        if (cluster.covered_by) result["skillId"] = cluster.covered_by->to_string();
        if (cluster.is_ripe()) {
            result["proposalJobId"] = attempt.enqueue_in(tx, make_proposal_job(trajectory)).id.to_string();
        }
        return result.dump();
    };
    co_return co_await attempt.complete_in(std::move(keep));
}

}  // namespace oiab::handlers
