#include "agent/mcp_tool.hpp"

#include <boost/asio/error.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/system/system_error.hpp>

#include "pg/database_error.hpp"

namespace oiab::agent {
namespace {

namespace asio = boost::asio;
using clients::McpFailure;
using nlohmann::json;

/// How the audit log calls the end of a call.
std::string outcome_of(const std::expected<clients::McpAnswer, clients::McpError>& answer) {
    if (answer) return answer->is_error ? "error" : "done";
    switch (answer.error().kind) {
        case McpFailure::kUnavailable: return "unavailable";
        case McpFailure::kUnauthorized:
        case McpFailure::kRefused: return "refused";
        case McpFailure::kUnusable: return "unusable";
        case McpFailure::kUnknown:
        case McpFailure::kTimeout:
        case McpFailure::kCancelled: break;
    }
    return "unknown";
}

}  // namespace

McpTool::McpTool(std::shared_ptr<McpTools::Entry> entry, std::string server, clients::ToolDefinition definition,
                 clients::McpTool tool)
    : entry_{std::move(entry)},
      server_{std::move(server)},
      definition_{std::move(definition)},
      tool_{std::move(tool)} {}

std::string McpTool::refusal_for(const Person& person) const {
    const auto& permissions = person.permissions;
    // A role may name the tool as the server does; a denial that misses by a changed character would be none.
    if (!permissions.allows_tool(definition_.name) || permissions.denies_tool(server_ + "__" + tool_.name)) {
        return "the tool is denied";
    }
    if (!entry_) return "its server is not configured any more";
    if (!entry_->server.serves(person) || !entry_->server.offers(tool_.name)) return "the tool is not offered any more";
    return {};
}

bool McpTool::is_useful_to(const Person& person) const { return refusal_for(person).empty(); }

bool McpTool::only_reads() const { return entry_ && entry_->server.trusted && tool_.read_only; }

clients::Repeat McpTool::repeat() const {
    // Without its server a call does nothing at all.
    if (!entry_) return clients::Repeat::kSafe;
    const auto& server = entry_->server;
    const bool safe = server.takes_key || (server.trusted && (tool_.read_only || tool_.idempotent));
    return safe ? clients::Repeat::kSafe : clients::Repeat::kUnsafe;
}

json McpTool::origin() const {
    return {{"server", server_}, {"tool", tool_.name}, {"readOnly", tool_.read_only}, {"idempotent", tool_.idempotent}};
}

asio::awaitable<std::string> McpTool::call(const ToolScene& scene, json arguments, std::string idempotency_key) {
    std::string refusal;
    // The intent is on record before anything leaves; what came of it follows.
    auto before = [&](pg::Transaction& tx) {
        scene.attempt.guard_in(tx);
        // The roles were read when the attempt began, which may be long ago.
        Person now = scene.person;
        now.permissions = find_permissions(tx, now.user_id).value_or(Permissions{});
        refusal = refusal_for(now);
        audit_tool(tx, scene, definition_.name, arguments, idempotency_key,
                   refusal.empty() ? "tool.execute" : "tool.permission_deny");
    };
    co_await scene.attempt.transact(before);
    if (!refusal.empty()) throw ToolRefusal{refusal};

    clients::McpCall call;
    call.tool = tool_.name;
    call.input_schema = definition_.parameters;
    call.arguments = arguments.dump(-1, ' ', false, json::error_handler_t::replace);
    call.idempotency_key = idempotency_key;
    call.deadline = scene.attempt.deadline();
    call.may_repeat = repeat() == clients::Repeat::kSafe;
    Attempt* const attempt = &scene.attempt;
    call.on_progress = [attempt] { attempt->heartbeat(); };
    const auto answer = co_await entry_->client.call(std::move(call));

    // What the server said is known, also where a cancellation came with it.
    const bool throws = co_await asio::this_coro::throw_if_cancelled();
    co_await asio::this_coro::throw_if_cancelled(false);
    std::string trouble;
    try {
        auto after = [&](pg::Transaction& tx) {
            audit_tool(tx, scene, definition_.name, arguments, idempotency_key, "tool.result", outcome_of(answer));
        };
        co_await scene.attempt.transact(after);
    } catch (const pg::DatabaseError& e) {
        // The call has been made: the step's own record must say how it ended, whatever becomes of this one.
        trouble = e.what();
    }
    co_await asio::this_coro::throw_if_cancelled(throws);
    if (!trouble.empty())
        attempt->log(LogLevel::kWarning, "the end of a tool call is not in the audit log: " + trouble);
    if (!answer) give_up(answer.error());
    if (answer->is_error) throw ToolRefusal{answer->text};
    co_return answer->text;
}

void McpTool::give_up(const clients::McpError& error) const {
    const bool may_repeat = repeat() == clients::Repeat::kSafe;
    switch (error.kind) {
        case McpFailure::kUnauthorized:
        case McpFailure::kRefused:
        case McpFailure::kUnusable: throw ToolRefusal{error.message};
        case McpFailure::kCancelled: throw boost::system::system_error{asio::error::operation_aborted};
        case McpFailure::kTimeout:
            if (only_reads()) throw ToolRefusal{error.message};
            [[fallthrough]];
        case McpFailure::kUnknown:
            if (!may_repeat) throw EffectUnknown{error.message};
            break;
        case McpFailure::kUnavailable: break;
    }
    if (error.retry_after) throw EndAttempt{core::retry_not_before(error.message, error.retry_after)};
    throw std::runtime_error{error.message};
}

}  // namespace oiab::agent
