#include "handlers/dispatch_execute.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "core/json_text.hpp"
#include "handlers/delegated_work.hpp"
#include "handlers/payload.hpp"
#include "store/dispatches.hpp"

namespace oiab::handlers {
namespace {

namespace asio = boost::asio;
using nlohmann::json;

constexpr const char* kChannel = "dispatch";
constexpr const char* kCancelled = "the dispatch was cancelled or has failed already";
/// How long the pool may answer "still working": beyond a day nobody waits any more.
constexpr std::chrono::hours kPoolPatience{24};

bool runs_here(const std::string& mode) { return mode == "local" || mode == "team_single_vm"; }

struct OpenedMember {
    store::DispatchRow dispatch;
    store::MemberRow member;
    ChildWork work;                     ///< where it runs here
    std::optional<std::string> result;  ///< of a member that is completed already
};

OpenedMember find_member(pg::Transaction& tx, store::DispatchId id, int number) {
    auto dispatch = store::find_dispatch(tx, id);
    if (!dispatch) refuse(core::FailureReason::kError, fmt::format("there is no dispatch {}", id.to_string()));
    auto members = store::load_members(tx, id);
    const auto member = std::ranges::find(members, number, &store::MemberRow::member);
    if (member == members.end()) {
        refuse(core::FailureReason::kError, fmt::format("dispatch {} has no member {}", id.to_string(), number));
    }
    OpenedMember opened{std::move(*dispatch), std::move(*member), {}, std::nullopt};
    if (opened.member.status == store::SubtaskStatus::kCompleted) opened.result = opened.member.result;
    return opened;
}

void begin(pg::Transaction& tx, const OpenedMember& opened, const std::string& session_id) {
    if (!store::begin_member(tx, opened.dispatch.id, opened.member.member, session_id))
        refuse(core::FailureReason::kCancelled, kCancelled);
}

OpenedMember open_member(pg::Transaction& tx, Attempt& attempt, const agent::AgentWorld& world, store::DispatchId id,
                         int number) {
    attempt.guard_in(tx);
    auto opened = find_member(tx, id, number);
    if (opened.result) return opened;
    const auto& [dispatch, member, unused, result] = opened;
    if (!runs_here(dispatch.mode)) {
        // Whoever may not run agents may not have them run elsewhere.
        (void)agent::load_person(tx, dispatch.user_id);
        begin(tx, opened, "");
        return opened;
    }
    const std::string session_id = fmt::format("dispatch-{}-{}", id.to_string(), number);
    const auto person = agent::load_person(tx, dispatch.user_id);
    agent::ensure_child_session(tx, person, session_id, dispatch.parent_session_id, "dispatch", member.task);
    begin(tx, opened, session_id);
    ChildWork& work = opened.work;
    work.channel = kChannel;
    work.purpose = "dispatch";
    work.agent = member.agent;
    work.description = member.task;
    work.prompt = member.task;
    work.scene = agent::open_scene(tx, attempt, world, dispatch.user_id, session_id);
    agent::append_prompt(tx, attempt, work.scene, work.prompt, kChannel);
    return opened;
}

std::string describe_for_pool(const OpenedMember& opened) {
    const auto& dispatch = opened.dispatch;
    return json{{"dispatchId", dispatch.id.to_string()},
                {"member", opened.member.member},
                {"mode", dispatch.mode},
                {"rationale", dispatch.rationale},
                {"agent", opened.member.agent},
                {"task", opened.member.task},
                {"tenantId", dispatch.tenant_id ? json(dispatch.tenant_id->to_string()) : json(nullptr)},
                {"userId", dispatch.user_id.to_string()},
                {"parentSessionId", dispatch.parent_session_id}}
        .dump(-1, ' ', false, json::error_handler_t::replace);
}

/// What the pool's answer makes of the attempt, where it is no result. @throws EndAttempt
struct EndByAnswer {
    std::chrono::seconds age;

    [[nodiscard]] std::string operator()(const clients::PoolResult& result) const { return result.text; }
    [[noreturn]] std::string operator()(const clients::PoolRefusal& refusal) const {
        refuse(core::FailureReason::kError, refusal.why);
    }
    [[noreturn]] std::string operator()(const clients::PoolPending& pending) const {
        if (age > kPoolPatience)
            refuse(core::FailureReason::kTimeout, "the sandbox pool has worked on it for more than a day");
        // The slot is free meanwhile, and no attempt is burnt.
        throw EndAttempt{core::snoozed(pending.ask_again_in)};
    }
    [[noreturn]] std::string operator()(const clients::PoolTrouble& trouble) const {
        throw EndAttempt{core::retry_not_before(trouble.why, trouble.at_least)};
    }
};

/// One step a job: once the pool has answered, no later attempt asks it again.
asio::awaitable<std::string> ask_pool(Attempt& attempt, clients::DispatchPool& pool, const OpenedMember& opened) {
    Attempt::StepBody body = [&](StepCall call) -> asio::awaitable<json> {
        std::string key = call.idempotency_key;
        std::string request = describe_for_pool(opened);
        const auto answer = co_await pool.ask(std::move(request), std::move(key), attempt.deadline());
        co_return json{{"text", std::visit(EndByAnswer{opened.member.age}, answer)}};
    };
    StepOptions options;
    options.repeatable = true;  // by its key
    json input{{"dispatchId", opened.dispatch.id.to_string()}, {"member", opened.member.member}};
    const json stored = co_await attempt.step("pool", std::move(input), std::move(body), std::move(options));
    co_return stored.at("text").get<std::string>();
}

}  // namespace

DispatchExecute::DispatchExecute(std::shared_ptr<const agent::AgentWorld> world, agent::ToolList tools,
                                 std::shared_ptr<clients::DispatchPool> pool)
    : world_{std::move(world)}, tools_{std::move(tools)}, pool_{std::move(pool)} {}

asio::awaitable<core::Outcome> DispatchExecute::run(Attempt& attempt) {
    const Payload payload{attempt.job().payload};
    const store::DispatchId id{payload.required_uuid("dispatchId")};
    const int number = static_cast<int>(payload.required_integer("member", 0, 1'000'000));

    auto open = [&](pg::Transaction& tx) { return open_member(tx, attempt, *world_, id, number); };
    OpenedMember opened = co_await attempt.transact(open);
    if (opened.result) co_return core::completed(json{{"text", *opened.result}}.dump());
    if (runs_here(opened.dispatch.mode)) {
        KeepResult keep = [&](pg::Transaction& tx, const std::string& text) {
            return store::complete_member(tx, id, number, text);
        };
        std::string cancelled = kCancelled;
        co_return co_await run_child(attempt, *world_, std::move(opened.work), tools_, std::move(keep),
                                     std::move(cancelled));
    }
    if (!pool_) {
        co_return core::failed(
            core::FailureReason::kError,
            fmt::format("mode {} needs a pool of sandboxes, and dispatch_pool_url names none", opened.dispatch.mode));
    }
    const std::string text = co_await ask_pool(attempt, *pool_, opened);
    std::function<std::string(pg::Transaction&)> complete = [&](pg::Transaction& tx) {
        attempt.guard_in(tx);
        if (!store::complete_member(tx, id, number, text)) refuse(core::FailureReason::kCancelled, kCancelled);
        return core::storable_json({{"text", text}, {"mode", opened.dispatch.mode}});
    };
    co_return co_await attempt.complete_in(std::move(complete));
}

}  // namespace oiab::handlers
