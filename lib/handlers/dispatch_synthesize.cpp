#include "handlers/dispatch_synthesize.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "handlers/delegated_work.hpp"
#include "handlers/payload.hpp"
#include "store/dispatches.hpp"

namespace oiab::handlers {
namespace {

using nlohmann::json;

constexpr const char* kChannel = "dispatch";
constexpr const char* kCancelled = "the dispatch was cancelled or has failed already";

struct OpenedSynthesis {
    Synthesis work;
    std::optional<std::string> result;  ///< of a dispatch that is completed already
};

OpenedSynthesis open_synthesis(pg::Transaction& tx, Attempt& attempt, const agent::AgentWorld& world,
                               store::DispatchId id) {
    attempt.guard_in(tx);
    const auto dispatch = store::find_dispatch(tx, id);
    if (!dispatch) refuse(core::FailureReason::kError, fmt::format("there is no dispatch {}", id.to_string()));
    OpenedSynthesis opened;
    switch (dispatch->status) {
        case store::DispatchStatus::kSynthesizing: break;
        case store::DispatchStatus::kCompleted: opened.result = dispatch->result; return opened;
        case store::DispatchStatus::kFailed: refuse(core::FailureReason::kCancelled, kCancelled);
        case store::DispatchStatus::kExecuting:
            refuse(core::FailureReason::kError, "the dispatch's members are not done yet");
    }
    std::vector<agent::SubtaskReport> reports;
    json failed = json::array();
    for (const auto& member : store::load_members(tx, id)) {
        const bool lost = member.status != store::SubtaskStatus::kCompleted;
        if (lost) failed.push_back({{"member", member.member}, {"error", member.error}});
        reports.push_back({member.member, member.task, lost ? member.error : member.result, lost});
    }
    Synthesis& work = opened.work;
    work.channel = kChannel;
    work.prompt = agent::make_synthesis_prompt(dispatch->rationale, reports);
    work.scene = agent::open_scene(tx, attempt, world, dispatch->user_id, dispatch->parent_session_id);
    work.described = {{"dispatchId", id.to_string()}, {"failedMembers", std::move(failed)}};
    return opened;
}

}  // namespace

DispatchSynthesize::DispatchSynthesize(std::shared_ptr<const agent::AgentWorld> world) : world_{std::move(world)} {}

boost::asio::awaitable<core::Outcome> DispatchSynthesize::run(Attempt& attempt) {
    const Payload payload{attempt.job().payload};
    const store::DispatchId id{payload.required_uuid("dispatchId")};

    auto open = [&](pg::Transaction& tx) { return open_synthesis(tx, attempt, *world_, id); };
    OpenedSynthesis opened = co_await attempt.transact(open);
    if (opened.result) co_return core::completed(json{{"text", *opened.result}}.dump());
    KeepResult keep = [&](pg::Transaction& tx, const std::string& text) {
        return store::complete_dispatch(tx, id, text);
    };
    std::string cancelled = kCancelled;
    co_return co_await run_synthesis(attempt, *world_, std::move(opened.work), std::move(keep), std::move(cancelled));
}

}  // namespace oiab::handlers
