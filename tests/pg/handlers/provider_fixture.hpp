#pragma once
/// @file  Provider rows with keys, a keyring, and loopback providers that say who asked them. One thread a test.

#include <algorithm>

#include "agent/installation_embedder.hpp"
#include "agent/provider_clients.hpp"
#include "agent_fixture.hpp"
#include "support/http_server.hpp"
#include "support/temporary_directory.hpp"

namespace oiab::tests {

/// A whole answer of the OpenAI kind, by a model that calls itself as it was asked.
inline void answer_chat(ServedConnection& connection, const ServedRequest& request, const std::string& text) {
    const auto asked = nlohmann::json::parse(request.body, nullptr, false);
    const nlohmann::json body{
        {"model", asked.value("model", "")},
        {"choices",
         {{{"index", 0}, {"message", {{"role", "assistant"}, {"content", text}}}, {"finish_reason", "stop"}}}},
        {"usage", {{"prompt_tokens", 10}, {"completion_tokens", 5}, {"total_tokens", 15}}}};
    connection.respond_json(200, body.dump());
}

inline std::string key_of(const ServedRequest& request) { return request.header("authorization"); }

/// An organisation whose world can call provider rows; the configured endpoint is a scripted model.
class RoutedOrganisation {
public:
    /// @param embedding_row  name of the installation's row that embeds; empty for none
    explicit RoutedOrganisation(const std::string& configured_model = "scripted-1",
                                const std::string& embedding_row = "",
                                agent::RowAddresses row_addresses = agent::RowAddresses::kAny)
        : keys{secrets::Key::make_random()},
          addresses{row_addresses},
          organisation{chat,
                       nullptr,
                       [&](agent::AgentSettings& settings) {
                           settings.configured = {"test", configured_model};
                           if (!embedding_row.empty()) settings.embedding_provider = embedding_row;
                       },
                       nullptr,
                       nullptr,
                       [&](agent::AgentWorld& world) {
                           world.providers = providers();
                           if (embedding_row.empty()) return;
                           world.row_embedder =
                               std::make_shared<agent::InstallationEmbedder>(world.providers, embedding_row, "embed-1");
                           world.embedder = world.row_embedder;
                       }} {}

    /// @returns its id. An empty key is stored as none.
    std::string add(const std::string& provider, const std::string& owner, const std::string& model,
                    const std::string& key, const std::string& more_columns = "", const std::string& more = "") {
        const auto sealed = key.empty() ? std::string{"NULL"} : "'" + secrets::seal(keys.front(), key) + "'";
        const auto scope = owner == "user"     ? "'" + org().user() + "', '" + org().tenant() + "'"
                           : owner == "tenant" ? "NULL, '" + org().tenant() + "'"
                           : owner == ""       ? std::string{"NULL, NULL"}
                                               : owner;
        return org().database().value(
            "INSERT INTO providers (user_id, tenant_id, provider, base_url, default_model, credentials" + more_columns +
            ") VALUES (" + scope + ", '" + provider + "', '" + server.url("/" + provider) + "', nullif('" + model +
            "', ''), " + sealed + more + ") RETURNING id");
    }
    void choose(const std::string& provider, const std::string& model) {
        org().database().execute("UPDATE sessions_index SET model_choice = $1",
                                 pqxx::params{nlohmann::json{{"providerID", provider}, {"modelID", model}}.dump()});
    }
    Organisation& org() noexcept { return organisation; }
    std::string turn(const std::string& expected_status = "completed") {
        const auto job = org().enqueue_turn("hello");
        const auto status = org().finish(job);
        INFO(org().column(job, "coalesce(last_error, '')"));
        CHECK(status == expected_status);
        return job;
    }

    TemporaryDirectory directory;
    std::vector<secrets::Key> keys;
    secrets::KeyringPlace place{.path = directory.path() + "/keyring"};
    HttpServer server{[](ServedConnection& connection, const ServedRequest& request) {
        answer_chat(connection, request, request.target + " by " + key_of(request));
    }};
    core::SystemClock clock;
    core::SystemRandom random;
    clients::HttpClient http;
    std::shared_ptr<clients::ProviderTraffic> traffic = std::make_shared<clients::ProviderTraffic>(clock, random);
    /// Rows of everybody may point to loopback, but where a test is about that.
    const agent::RowAddresses addresses;
    std::shared_ptr<ScriptedChat> chat = scripted([](const ChatRequest&, int) { return say("configured"); });

private:
    std::shared_ptr<agent::ProviderClients> providers() {
        REQUIRE(secrets::create_keys(place, keys).has_value());
        return std::make_shared<agent::ProviderClients>(std::make_shared<secrets::Keyring>(place), http, traffic, clock,
                                                        addresses);
    }

    Organisation organisation;
};

}  // namespace oiab::tests
