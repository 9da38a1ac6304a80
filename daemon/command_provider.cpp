#include <fmt/format.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <exception>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "agent/provider_check.hpp"
#include "daemon/commands.hpp"
#include "daemon/database.hpp"
#include "daemon/exit_code.hpp"
#include "daemon/keyring_place.hpp"
#include "daemon/output.hpp"
#include "daemon/provider_key.hpp"
#include "daemon/row_addresses.hpp"
#include "pg/transaction.hpp"

namespace oiab::daemon {
namespace {

using nlohmann::json;
using store::ProviderRecord;

constexpr std::chrono::seconds kPatience{30};

std::string owner_of(const store::ProviderScope& scope) {
    if (scope.user_id) return "user " + scope.user_id->to_string();
    if (scope.tenant_id) return "tenant " + scope.tenant_id->to_string();
    return "installation";
}

json to_json(const ProviderRecord& record) {
    const auto& row = record.row;
    const auto or_null = [](const std::string& text) { return text.empty() ? json(nullptr) : json(text); };
    return {{"id", row.id},
            {"provider", row.provider},
            {"kind", row.kind},
            {"tenantId", record.scope.tenant_id ? json(record.scope.tenant_id->to_string()) : json(nullptr)},
            {"userId", record.scope.user_id ? json(record.scope.user_id->to_string()) : json(nullptr)},
            {"title", or_null(record.display_name)},
            {"baseUrl", or_null(row.base_url)},
            {"apiVersion", or_null(row.api_version)},
            {"model", or_null(row.default_model)},
            {"preferred", row.preferred},
            {"enabled", record.enabled},
            {"hasKey", !row.credentials.empty()},
            {"models", record.models.empty() ? json(nullptr) : json_of(record.models)},
            {"latencyMs", record.latency ? json(record.latency->count()) : json(nullptr)},
            {"checkedAt", or_null(record.checked_at)},
            {"lastError", or_null(record.last_error)}};
}

/// What the last check said, in a few words.
std::string state_of(const ProviderRecord& record) {
    if (!record.enabled) return "switched off";
    if (record.checked_at.empty()) return "not checked";
    const auto when = to_the_second(record.checked_at);
    if (!record.last_error.empty()) return fmt::format("{} {}", when, cut(record.last_error, 80));
    return fmt::format("{} works{}", when, record.latency ? fmt::format(", {} ms", record.latency->count()) : "");
}

std::vector<ProviderRecord> list(pg::Session& session, const store::ProviderFilter& filter) {
    return pg::in_transaction(session, [&](pg::Transaction& tx) { return store::list_providers(tx, filter); });
}

std::optional<core::Uuid> find(pg::Session& session, const std::string& name, const store::ProviderScope& scope) {
    return pg::in_transaction(session, [&](pg::Transaction& tx) { return store::find_provider(tx, name, scope); });
}

std::optional<ProviderRecord> find_record(pg::Session& session, const ProviderCommand& command) {
    auto id = find(session, command.provider, command.scope);
    if (!id) id = core::Uuid::parse(command.provider);
    if (!id) return std::nullopt;
    auto found = list(session, {.scope = {}, .row = id});
    if (found.empty()) return std::nullopt;
    return std::move(found.front());
}

/// Checks the row as the daemon would call it. Blocks for kPatience at most.
agent::RowCheck check(const config::Settings& settings, const store::ProviderRow& row) {
    const core::SystemClock clock;
    core::SystemRandom random;
    clients::HttpClient http;
    const auto keyring = std::make_shared<secrets::Keyring>(keyring_place(settings));
    const auto traffic = std::make_shared<clients::ProviderTraffic>(clock, random);
    const agent::ProviderClients clients{keyring, http, traffic, clock, row_addresses(settings)};
    agent::RowCheck found;
    std::exception_ptr failure;
    boost::asio::io_context context;
    boost::asio::co_spawn(context, clients.check(row, core::Deadline::after(kPatience)),
                          [&](std::exception_ptr error, agent::RowCheck answer) {
                              failure = std::move(error);
                              found = std::move(answer);
                          });
    context.run();
    if (failure) std::rethrow_exception(failure);
    return found;
}

int test(const Context& context, pg::Session& session, const ProviderRecord& record) {
    const auto found = check(context.settings, record.row);
    pg::in_transaction(session, [&](pg::Transaction& tx) { return agent::record_check(tx, record, found); });
    const bool works = found.verdict == agent::CheckVerdict::kWorks;
    const auto* verdict = works ? "works" : found.verdict == agent::CheckVerdict::kDead ? "dead" : "unclear";
    if (context.form == Form::kJson) {
        print_json({{"id", record.row.id},
                    {"provider", record.row.provider},
                    {"verdict", verdict},
                    {"latencyMs", works ? json(found.latency.count()) : json(nullptr)},
                    {"models", found.models},
                    {"error", works ? json(nullptr) : json(found.error)}});
    } else if (works) {
        print(fmt::format("{} works; it answered in {} ms\n", harmless(record.row.provider), found.latency.count()));
        for (const auto& model : found.models) print(harmless(model) + "\n");
    } else {
        complain(fmt::format("{}: {}", record.row.provider, found.error));
    }
    return works ? kExitDone : kExitFailed;
}

/// Says what would never work before anything is stored.
void refuse_nonsense(const store::NewProvider& provider, const secrets::SecretText& key) {
    clients::ChatEndpoint endpoint;
    const auto protocol = clients::parse_chat_protocol(provider.kind);
    if (!protocol) throw std::runtime_error{protocol.error()};
    endpoint.protocol = *protocol;
    endpoint.provider.base_url = provider.base_url;
    endpoint.provider.api_key = key.view();
    const auto fault = clients::find_fault(endpoint);
    secrets::wipe(endpoint.provider.api_key);
    if (fault) throw std::runtime_error{*fault};
}

}  // namespace

int run(const Context& context, const ProviderAddCommand& command) {
    auto provider = command.provider;
    const auto key = read_key(command.key_source, command.key_place, provider.provider);
    refuse_nonsense(provider, key);
    if (!key.empty()) {
        secrets::Keyring keyring{keyring_place(context.settings)};
        auto sealed = keyring.seal(key.view());
        if (!sealed) throw std::runtime_error{sealed.error().message};
        provider.credentials = std::move(*sealed);
    }
    pg::Session session{session_settings(context.settings, "provider")};
    const auto existing = find(session, provider.provider, provider.scope);
    if (existing && !command.replace)
        throw std::runtime_error{fmt::format("the {} has a provider {} already; --replace overwrites it",
                                             owner_of(provider.scope), provider.provider)};
    const auto id = pg::in_transaction(session, [&](pg::Transaction& tx) -> std::optional<core::Uuid> {
        if (!existing) return store::insert_provider(tx, provider);
        if (store::update_provider(tx, *existing, provider)) return existing;
        return std::nullopt;
    });
    if (!id)
        throw std::runtime_error{
            fmt::format("the {} is not there, or somebody changes its providers at this moment; nothing was stored",
                        owner_of(provider.scope))};
    if (context.form == Form::kJson) {
        print_json({{"id", id->to_string()}, {"provider", provider.provider}, {"replaced", existing.has_value()}});
    } else {
        print(fmt::format("{} is set up for the {}; `oiabd provider test {}` tries it\n", harmless(provider.provider),
                          owner_of(provider.scope), id->to_string()));
    }
    return kExitDone;
}

int run(const Context& context, const ProviderListCommand& command) {
    pg::Session session{session_settings(context.settings, "provider")};
    const auto records = list(session, {.scope = command.scope, .row = {}});
    if (context.form == Form::kJson) {
        auto all = json::array();
        for (const auto& record : records) all.push_back(to_json(record));
        print_json(all);
        return kExitDone;
    }
    if (records.empty()) {
        print("There are no providers. `oiabd provider add NAME` adds one.\n");
        return kExitDone;
    }
    Table table{{"PROVIDER", "KIND", "OWNER", "MODEL", "KEY", "PREFERRED", "LAST CHECK (UTC)"}};
    for (const auto& record : records)
        table.add({record.row.provider, record.row.kind, owner_of(record.scope), record.row.default_model,
                   record.row.credentials.empty() ? "none" : "********", record.row.preferred ? "yes" : "",
                   state_of(record)});
    print(table.render());
    return kExitDone;
}

int run(const Context& context, const ProviderCommand& command) {
    pg::Session session{session_settings(context.settings, "provider")};
    const auto record = find_record(session, command);
    if (!record) {
        complain(fmt::format("the {} has no provider {}; `oiabd provider list` shows them all", owner_of(command.scope),
                             command.provider));
        return kExitNothing;
    }
    if (command.verb == ProviderVerb::kTest) return test(context, session, *record);
    const bool removed = pg::in_transaction(
        session, [&](pg::Transaction& tx) { return store::remove_provider(tx, *core::Uuid::parse(record->row.id)); });
    if (context.form == Form::kJson) print_json({{"id", record->row.id}, {"removed", removed}});
    else print(removed ? fmt::format("{} is removed\n", harmless(record->row.provider)) : "It was gone already\n");
    return removed ? kExitDone : kExitNothing;
}

}  // namespace oiab::daemon
