#include <fmt/format.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <nlohmann/json.hpp>

#include "agent/mcp_tools.hpp"
#include "config/value.hpp"
#include "core/json_text.hpp"
#include "daemon/commands.hpp"
#include "daemon/database.hpp"
#include "daemon/exit_code.hpp"
#include "daemon/mcp_servers.hpp"
#include "daemon/output.hpp"
#include "oiab/attempt.hpp"
#include "pg/transaction.hpp"
#include "store/users.hpp"

namespace oiab::daemon {
namespace {

namespace asio = boost::asio;
using nlohmann::json;
using Entry = std::shared_ptr<agent::McpTools::Entry>;

/// Runs the coroutine here, and ends the server's session after it.
template <typename T>
T finish(asio::awaitable<T> work, const Entry& entry) {
    asio::io_context context;
    std::exception_ptr failure;
    std::optional<T> result;
    asio::co_spawn(context, std::move(work), [&](std::exception_ptr error, T value) {
        failure = error;
        if (!error) result.emplace(std::move(value));
    });
    context.run();
    if (failure) std::rethrow_exception(failure);
    context.restart();
    asio::co_spawn(context, entry->client.close(), [](std::exception_ptr) {});  // a farewell that fails hurts nobody
    context.run();
    return std::move(*result);
}

agent::Person load_person(const Context& context, const std::string& named) {
    pg::Session session{session_settings(context.settings, "mcp")};
    return pg::in_transaction(session, [&](pg::Transaction& tx) {
        auto id = core::UserId::parse(named);
        if (!id) id = store::find_user_by_handle(tx, named);
        if (!id) throw std::runtime_error{fmt::format("there is no user {}", config::quote(named))};
        try {
            return agent::load_person(tx, *id);
        } catch (const EndAttempt& end) {
            const auto* failed = std::get_if<core::Failed>(&end.outcome());
            throw std::runtime_error{failed == nullptr ? end.what() : failed->error};
        }
    });
}

json describe(const Entry& entry, const std::expected<clients::McpListing, clients::McpError>& listing,
              const std::optional<agent::Person>& person) {
    const auto& server = entry->server;
    json one{{"server", server.client.name}, {"trusted", server.trusted}};
    if (person) one["visible"] = server.serves(*person);
    if (!listing) {
        one["error"] = listing.error().message;
        return one;
    }
    one["revision"] = listing->revision;
    one["software"] = listing->server;
    one["leftOut"] = listing->rejected;
    one["tools"] = json::array();
    for (const auto& tool : listing->tools) {
        const std::string name = agent::mcp_tool_name(server.client.name, tool.name);
        json item{{"tool", tool.name},
                  {"name", name},
                  {"description", tool.description},
                  {"inputSchema", core::parse_foreign_json(tool.input_schema)},
                  {"offered", server.offers(tool.name)},
                  {"repeatable", server.takes_key || (server.trusted && (tool.read_only || tool.idempotent))}};
        if (person) {
            const auto& permissions = person->permissions;
            item["allowed"] = server.serves(*person) && server.offers(tool.name) && permissions.allows_tool(name) &&
                              !permissions.denies_tool(server.client.name + "__" + tool.name);
        }
        one["tools"].push_back(std::move(item));
    }
    return one;
}

void show(const json& servers, bool with_user) {
    std::vector<std::string> header{"SERVER", "REVISION", "NAME", "REPEATABLE", "DESCRIPTION"};
    if (with_user) header.insert(header.begin() + 3, "ALLOWED");
    Table table{header};
    for (const auto& one : servers) {
        const auto server = one["server"].get<std::string>();
        if (one.contains("error")) {
            complain(one["error"].get<std::string>());
            continue;
        }
        for (const auto& tool : one["tools"]) {
            if (!tool["offered"].get<bool>()) continue;
            std::vector<std::string> row{server, one["revision"].get<std::string>(), tool["name"].get<std::string>(),
                                         tool["repeatable"].get<bool>() ? "yes" : "no",
                                         cut(tool["description"].get<std::string>(), 80)};
            if (with_user) row.insert(row.begin() + 3, tool["allowed"].get<bool>() ? "yes" : "no");
            table.add(std::move(row));
        }
        for (const auto& sentence : one["leftOut"]) complain(server + ": " + harmless(sentence.get<std::string>()));
    }
    if (!table.empty()) print(table.render());
}

int list(const Context& context, const McpCommand& command, const std::vector<Entry>& entries) {
    std::optional<agent::Person> person;
    if (command.user) person = load_person(context, *command.user);
    json servers = json::array();
    bool all_answered = true;
    for (const auto& entry : entries) {
        const auto listing = finish(entry->client.list(core::Deadline::never()), entry);
        all_answered = all_answered && listing.has_value();
        servers.push_back(describe(entry, listing, person));
    }
    if (context.form == Form::kJson) print_json(servers);
    else show(servers, person.has_value());
    return all_answered ? kExitDone : kExitError;
}

int call(const Context& context, const McpCommand& command, const Entry& entry) {
    const json arguments = core::parse_foreign_json(command.arguments);
    if (!arguments.is_object()) {
        complain("ARGUMENTS must be a JSON object");
        return kExitUsage;
    }
    clients::McpCall call;
    call.tool = command.tool;
    call.arguments = command.arguments;
    call.input_schema = "{}";  // a server that misses headers is asked for the schema
    const auto answer = finish(entry->client.call(std::move(call)), entry);
    if (!answer) {
        complain(answer.error().message);
        return kExitError;
    }
    if (context.form == Form::kJson) print_json({{"text", answer->text}, {"isError", answer->is_error}});
    else print(answer->text + "\n");
    return answer->is_error ? kExitError : kExitDone;
}

}  // namespace

int run(const Context& context, const McpCommand& command) {
    clients::HttpClient http;
    const core::SystemClock clock;
    const agent::McpTools servers{http, mcp_servers(context.settings), clock};
    std::vector<Entry> entries = servers.entries();
    if (!command.server.empty()) {
        const auto entry = servers.find(command.server);
        if (!entry) {
            complain(fmt::format("no MCP server {} is configured", config::quote(command.server)));
            return kExitUsage;
        }
        entries = {entry};
    }
    if (command.verb == McpVerb::kCall) return call(context, command, entries.front());
    if (entries.empty()) {
        complain("no MCP server is configured; a table [mcp.NAME] with url and tenants brings one in");
        return kExitNothing;
    }
    return list(context, command, entries);
}

}  // namespace oiab::daemon
