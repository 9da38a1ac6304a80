#include <fmt/format.h>
#include <fmt/ranges.h>

#include <boost/asio/cancellation_state.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <nlohmann/json.hpp>

#include "agent/beside_stream.hpp"
#include "agent/opencode_conduct.hpp"
#include "agent/opencode_place.hpp"
#include "agent/opencode_rules.hpp"
#include "agent/opencode_session.hpp"
#include "agent/opencode_skills.hpp"
#include "core/json_text.hpp"
#include "pg/database_error.hpp"

namespace oiab::agent {
namespace {

namespace asio = boost::asio;
using nlohmann::json;

std::optional<std::vector<std::string>> template_tools(const store::SessionRow& session) {
    if (!session.template_tools) return std::nullopt;
    const json list = core::parse_foreign_json(*session.template_tools);
    if (!list.is_array()) return std::nullopt;
    std::vector<std::string> names;
    for (const auto& name : list) {
        if (name.is_string()) names.push_back(name.get<std::string>());
    }
    return names;
}

/// Without a title opencode asks the model for one, which nobody ordered.
std::string title_of(const store::SessionRow& session) {
    constexpr std::size_t kLongest = 200;
    if (session.title.empty() || session.title.size() > kLongest) return "Session " + session.session_id.substr(0, 64);
    return session.title;
}

/// Somebody cancelled the job, or nobody will come back for it: what still runs would go on unobserved.
bool is_unwanted(const Attempt& attempt) {
    const auto reason = attempt.cancelled();
    if (!reason) return false;
    if (*reason == core::CancelReason::kUser) return true;
    return *reason == core::CancelReason::kDeadline && attempt.job().attempt >= attempt.job().max_attempts;
}

/// Then nothing may be written any more, and nothing was spent that the next attempt does not see.
bool is_lease_lost(const std::exception_ptr& failure, const Attempt& attempt) {
    if (attempt.cancelled() == core::CancelReason::kLeaseLost) return true;
    try {
        std::rethrow_exception(failure);
    } catch (const LeaseLost&) {
        return true;
    } catch (...) {  // anything else: the attempt is still ours
        return false;
    }
}

/// Where opencode has not noticed new files yet, the model can read them all the same.
asio::awaitable<void> offer_skills(Attempt& attempt, const OpencodeRuntime& runtime, const Person& person,
                                   ChatTask& task) {
    auto load = [&](pg::Transaction& tx) { return load_opencode_skills(tx, person.tenant_id); };
    const auto skills = co_await attempt.transact(load);
    const auto [root, below] = split_directory(runtime.local_directory);
    std::vector<std::string> names;
    try {
        names = write_opencode_skills(skills, root, fill_directory(below, person));
    } catch (const std::exception& e) {
        attempt.log(LogLevel::kWarning, fmt::format("the skills could not be written for opencode: {}", e.what()));
    }
    if (names.empty()) co_return;
    task.system_prompt += fmt::format(
        "\n\nThe instructions of these skills are in your working directory, in .opencode/skill/<name>/SKILL.md: {}",
        fmt::join(names, ", "));
}

store::AuditEntry audit_entry(const Attempt& attempt, const Person& person, const ChatTask& task,
                              const OpencodeToolUse& use, bool allowed) {
    store::AuditEntry entry;
    entry.action = allowed ? "tool.execute" : "tool.permission_deny";
    entry.entry_key = use.call_key + ":" + entry.action;
    entry.tenant_id = person.tenant_id;
    entry.user_id = person.user_id;
    entry.actor = "agent:" + task.session_id;
    entry.target = use.tool;
    entry.session_id = task.session_id;
    entry.channel = task.channel;
    entry.payload = json{
        {"inputHash", make_tool_use(use.tool, use.input, "").input_hash},
        {"jobId", attempt.job().id.to_string()},
        {"runtime", "opencode"},
        {"done",
         use.done}}.dump();
    return entry;
}

}  // namespace

asio::awaitable<OpencodeTurnResult> run_opencode_turn(Attempt& attempt, const AgentWorld& world,
                                                      const OpencodeRuntime& runtime, const Person& person,
                                                      const store::SessionRow& session, ChatTask task) {
    using namespace boost::asio::experimental::awaitable_operators;
    const auto rules = compile_opencode_rules(person.permissions, template_tools(session));
    OpencodePlace wanted{opencode_session_id(session), fill_directory(runtime.directory, person), task.model};
    std::string title = title_of(session);
    if (!runtime.local_directory.empty()) co_await offer_skills(attempt, runtime, person, task);
    auto added = rules;
    const auto place =
        co_await open_opencode_session(attempt, runtime, std::move(wanted), std::move(title), std::move(added));

    AnswerStream stream{attempt, task.session_id, 0, world.settings.stream_interval};
    auto begin = [&](pg::Transaction& tx) {
        attempt.guard_in(tx);
        stream.begin(tx);
    };
    if (attempt.job().lease_epoch.value > 1) co_await attempt.transact(begin);
    const auto executor = co_await asio::this_coro::executor;
    OpencodeConduct turn{attempt, runtime, person, place, rules, task, stream, executor};
    auto ended = co_await (failure_of(turn.run()) || turn.read_events() || write_until_cancelled(stream));
    if (ended.index() != 0) throw LeaseLost{};
    if (const auto failure = std::get<0>(ended)) {
        co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
        if (is_unwanted(attempt)) co_await turn.abort();
        if (!is_lease_lost(failure, attempt)) co_await turn.charge_lost();
        std::rethrow_exception(failure);
    }

    auto harvest = co_await turn.harvest();
    OpencodeTurnResult done{std::move(harvest.result), {}, place.session};
    for (const auto& use : harvest.tools) {
        done.audit.push_back(
            audit_entry(attempt, person, task, use, use.done || rules_allow(rules, opencode_permission(use.tool))));
    }
    co_return done;
}

}  // namespace oiab::agent
