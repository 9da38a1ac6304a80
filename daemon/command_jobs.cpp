#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "daemon/commands.hpp"
#include "daemon/database.hpp"
#include "daemon/exit_code.hpp"
#include "daemon/job_text.hpp"
#include "daemon/output.hpp"
#include "pg/transaction.hpp"
#include "queue/lanes.hpp"
#include "queue/operations.hpp"
#include "queue/steps.hpp"

namespace oiab::daemon {
namespace {

using nlohmann::json;

/// What became of one id: a word for programs, a sentence for people, and what the exit code makes of it.
struct Answer {
    std::string word;
    std::string sentence;
    int exit_code = kExitDone;
};

Answer not_found(core::JobId id) { return {"not_found", "there is no job " + id.to_string(), kExitNothing}; }

void advance_lane(pg::Session& session, const std::string& serial_key) {
    if (serial_key.empty()) return;
    const std::vector<std::string> lanes{serial_key};
    queue::advance_lanes(session, lanes);
}

Answer retry(pg::Session& session, core::JobId id) {
    const auto result = queue::retry_job(session, id);
    switch (result.answer) {
        case queue::RetryAnswer::kPending:
            advance_lane(session, result.serial_key);
            return {"pending", fmt::format("job {} is pending again", id.to_string())};
        case queue::RetryAnswer::kNotRetryable:
            return {"not_retryable", fmt::format("job {} is running or completed; nothing was changed", id.to_string()),
                    kExitNothing};
        case queue::RetryAnswer::kSuperseded:
            return {"superseded",
                    fmt::format("job {} stays as it is: the pending job {} has the same dedupe key", id.to_string(),
                                result.superseded_by ? result.superseded_by->to_string() : "of a newer producer"),
                    kExitNothing};
        case queue::RetryAnswer::kHeld:
            return {"held", fmt::format("job {} is held by another session; try again", id.to_string()), kExitError};
        case queue::RetryAnswer::kNotFound: break;
    }
    return not_found(id);
}

Answer cancel(pg::Session& session, core::JobId id) {
    const auto result = pg::in_transaction(session, [id](pg::Transaction& tx) { return queue::cancel_job(tx, id); });
    advance_lane(session, result.serial_key);
    switch (result.answer) {
        case queue::CancelAnswer::kCancelled: return {"cancelled", fmt::format("job {} is cancelled", id.to_string())};
        case queue::CancelAnswer::kRequested:
            return {"requested", fmt::format("job {} is running; its worker was told to cancel it", id.to_string())};
        case queue::CancelAnswer::kFinal:
            return {"final", fmt::format("job {} has ended already; nothing was changed", id.to_string()),
                    kExitNothing};
        case queue::CancelAnswer::kNotFound: break;
    }
    return not_found(id);
}

Answer remove(pg::Session& session, core::JobId id) {
    switch (pg::in_transaction(session, [id](pg::Transaction& tx) { return queue::delete_job(tx, id); })) {
        case queue::DeleteAnswer::kDeleted: return {"deleted", fmt::format("job {} is deleted", id.to_string())};
        case queue::DeleteAnswer::kRunning:
            return {"running", fmt::format("job {} is running; cancel it first", id.to_string()), kExitNothing};
        case queue::DeleteAnswer::kNotFound: break;
    }
    return not_found(id);
}

void tell(const Answer& answer) {
    if (answer.exit_code == kExitDone) print(answer.sentence + "\n");
    else complain(answer.sentence);
}

/// Every id is tried; an error weighs more than nothing to do.
int act_on_each(const Context& context, pg::Session& session, const JobsCommand& command,
                Answer (*act)(pg::Session&, core::JobId)) {
    auto list = json::array();
    int exit_code = kExitDone;
    for (const auto id : command.ids) {
        const auto answer = act(session, id);
        if (exit_code != kExitError && answer.exit_code != kExitDone) exit_code = answer.exit_code;
        if (context.form == Form::kTable) tell(answer);
        list.push_back({{"id", id.to_string()}, {"answer", answer.word}});
    }
    if (context.form == Form::kJson) print_json(list);
    return exit_code;
}

int show(const Context& context, pg::Session& session, core::JobId id) {
    std::vector<queue::StepView> steps;
    const auto job = pg::in_transaction(session, [&](pg::Transaction& tx) {
        auto found = queue::load_job(tx, id);
        if (found) steps = queue::load_step_views(tx, id);
        return found;
    });
    if (!job) {
        tell(not_found(id));
        return kExitNothing;
    }
    if (context.form == Form::kTable) {
        print(job_text(*job, steps));
        return kExitDone;
    }
    auto value = to_json(*job);
    value["steps"] = json::array();
    for (const auto& step : steps) value["steps"].push_back(to_json(step));
    print_json(value);
    return kExitDone;
}

int why(const Context& context, pg::Session& session, core::JobId id) {
    const auto facts = pg::in_transaction(session, [id](pg::Transaction& tx) { return queue::load_why(tx, id); });
    if (!facts) {
        tell(not_found(id));
        return kExitNothing;
    }
    const auto sentence = queue::render_why(*facts);
    if (context.form == Form::kTable) {
        print(harmless(sentence) + "\n");
    } else {
        print_json({{"id", id.to_string()}, {"status", core::to_string(facts->status)}, {"why", sentence}});
    }
    return kExitDone;
}

}  // namespace

int run(const Context& context, const JobsCommand& command) {
    pg::Session session{session_settings(context.settings, "jobs")};
    switch (command.verb) {
        case JobVerb::kShow: return show(context, session, command.ids.front());
        case JobVerb::kWhy: return why(context, session, command.ids.front());
        case JobVerb::kRetry: return act_on_each(context, session, command, retry);
        case JobVerb::kCancel: return act_on_each(context, session, command, cancel);
        case JobVerb::kDelete: return act_on_each(context, session, command, remove);
    }
    return kExitError;
}

int run(const Context& context, const ResolveCommand& command) {
    if (command.done && !nlohmann::json::accept(*command.done)) {
        complain("the result after --done is not JSON");
        return kExitUsage;
    }
    pg::Session session{session_settings(context.settings, "jobs")};
    const auto answer = pg::in_transaction(session, [&command](pg::Transaction& tx) {
        return queue::resolve_step(tx, command.id, command.step, command.done);
    });
    const auto id = command.id.to_string();
    const auto told = [&]() -> Answer {
        switch (answer) {
            case queue::ResolveAnswer::kResolved:
                return {"resolved", fmt::format("resolved; now put the job back: oiabd jobs retry {}", id)};
            case queue::ResolveAnswer::kNotUnknown:
                return {"not_unknown", fmt::format("step \"{}\" of job {} is not unknown", command.step, id),
                        kExitNothing};
            case queue::ResolveAnswer::kJobRunning:
                return {"running", fmt::format("job {} is running; cancel it first", id), kExitNothing};
            case queue::ResolveAnswer::kNoSuchStep: break;
        }
        return {"not_found", fmt::format("job {} has no step \"{}\"", id, command.step), kExitNothing};
    }();
    if (context.form == Form::kJson) print_json({{"id", id}, {"step", command.step}, {"answer", told.word}});
    else tell(told);
    return told.exit_code;
}

}  // namespace oiab::daemon
