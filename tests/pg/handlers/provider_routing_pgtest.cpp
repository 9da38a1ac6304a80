// Which provider answers a turn, with whose key, and what is written down about it.
#include "clients/provider_traffic.hpp"
#include "provider_fixture.hpp"

using namespace oiab;
using namespace oiab::tests;
using namespace std::chrono_literals;

namespace {

constexpr const char* kUsageProviders =
    "SELECT string_agg(DISTINCT provider || ' ' || model, ', ') FROM usage_events WHERE purpose = 'chat'";

/// The answer's text: "/openai/chat/completions by Bearer k-user".
std::string answer_of(RoutedOrganisation& routed, const std::string& job) {
    return routed.org().result(job)["text"].get<std::string>();
}

std::string error_of(RoutedOrganisation& routed, const std::string& job) {
    return routed.org().column(job, "last_error");
}

}  // namespace

TEST_CASE("provider routing: whoever owns which rows, a turn uses the nearest one that its person may see") {
    RoutedOrganisation routed;
    auto& db = routed.org().database();
    const auto other_tenant = db.value("INSERT INTO tenants (name, slug) VALUES ('Fabrikam', 'fabrikam') RETURNING id");
    const auto bob = routed.org().add_user("bob", "member");
    struct Owned {
        const char* key;
        std::string owner;
        bool visible;
    };
    // Nearest first. What another tenant or another user has must never answer.
    const Owned rows[] = {{"k-user", "user", true},
                          {"k-tenant", "tenant", true},
                          {"k-installation", "", true},
                          {"k-other-tenant", "NULL, '" + other_tenant + "'", false},
                          {"k-bob", "'" + bob + "', '" + routed.org().tenant() + "'", false}};
    std::vector<std::string> ids;
    for (const auto& row : rows) ids.push_back(routed.add("shared", row.owner, std::string{"m-"} + row.key, row.key));

    for (const bool chosen : {false, true}) {
        db.execute("UPDATE sessions_index SET model_choice = NULL");
        if (chosen) routed.choose("shared", "m-chosen");
        for (unsigned enabled = 0; enabled < 32; ++enabled) {
            const Owned* expected = nullptr;
            for (std::size_t i = 0; i < std::size(rows); ++i) {
                const bool is_on = (enabled >> i & 1U) != 0;
                db.execute("UPDATE providers SET enabled = $2 WHERE id = $1", pqxx::params{ids[i], is_on});
                if (is_on && rows[i].visible && expected == nullptr) expected = &rows[i];
            }
            INFO("enabled: " << enabled << ", chosen: " << chosen);
            const auto asked = routed.server.requests().size();
            if (expected != nullptr) {
                const auto job = routed.turn();
                CHECK(answer_of(routed, job) == std::string{"/shared/chat/completions by Bearer "} + expected->key);
                CHECK(routed.org().result(job)["model"] ==
                      (chosen ? std::string{"m-chosen"} : std::string{"m-"} + expected->key));
            } else if (chosen) {
                CHECK(error_of(routed, routed.turn("failed")).find("\"shared\" that was chosen") != std::string::npos);
                CHECK(routed.server.requests().size() == asked);
            } else {
                CHECK(answer_of(routed, routed.turn()) == "configured");
                CHECK(routed.server.requests().size() == asked);
            }
        }
    }
}

TEST_CASE(
    "provider routing: a row of a tenant or a user leads nowhere but to the public internet, the installation's does") {
    for (const bool may_anywhere : {false, true}) {
        RoutedOrganisation routed{"scripted-1", "",
                                  may_anywhere ? agent::RowAddresses::kAny : agent::RowAddresses::kPublic};
        routed.add("anybody", "", "m-1", "k-installation");
        CHECK(answer_of(routed, routed.turn()) == "/anybody/chat/completions by Bearer k-installation");
        for (const std::string owner : {"tenant", "user"}) {
            CAPTURE(may_anywhere, owner);
            const auto row = routed.add("inside", owner, "m-1", "k-inside");
            const auto asked = routed.server.requests().size();
            if (may_anywhere) {
                CHECK(answer_of(routed, routed.turn()) == "/inside/chat/completions by Bearer k-inside");
            } else {
                // At once, and not to somebody else; nothing was sent although the connection of before is still there.
                const auto job = routed.turn("failed");
                CHECK(routed.org().column(job, "attempts") == "1");
                CHECK(error_of(routed, job).find("private network") != std::string::npos);
                CHECK(routed.server.requests().size() == asked);
            }
            routed.org().database().execute("DELETE FROM providers WHERE id = $1", pqxx::params{row});
        }
    }
}

TEST_CASE("provider routing: usage and price carry the row's name, then its kind's price, then anybody's") {
    RoutedOrganisation routed;
    auto& db = routed.org().database();
    routed.add("house", "tenant", "m-1", "k-tenant");
    const auto cost = [&] {
        const auto job = routed.turn();
        return db.value("SELECT cost_usd::float8 FROM usage_events WHERE purpose = 'chat' AND job_id = $1",
                        pqxx::params{job});
    };
    CHECK(cost() == "0");
    db.execute("INSERT INTO model_prices (provider, model, input_usd_per_million) VALUES ('*', 'm-1', 100000)");
    CHECK(cost() == "1");
    db.execute(
        "INSERT INTO model_prices (provider, model, input_usd_per_million) VALUES ('openai-compatible', 'm-1', "
        "200000)");
    CHECK(cost() == "2");
    db.execute("INSERT INTO model_prices (provider, model, input_usd_per_million) VALUES ('house', 'm-1', 300000)");
    CHECK(cost() == "3");
    CHECK(db.value(kUsageProviders) == "house m-1");
}

TEST_CASE("provider routing: a retry asks the provider of the first attempt, whatever is preferred since") {
    RoutedOrganisation routed;
    auto& db = routed.org().database();
    routed.add("first", "tenant", "m-first", "k-first");
    routed.server.next([&](ServedConnection& connection, const ServedRequest&) {
        pqxx::connection own{db.url()};
        pqxx::work tx{own};
        tx.exec(
            "INSERT INTO providers (user_id, tenant_id, provider, base_url, default_model, preferred) VALUES ($1, "
            "$2, 'second', $3, 'm-second', true)",
            pqxx::params{routed.org().user(), routed.org().tenant(), routed.server.url("/second")});
        tx.commit();
        connection.respond_json(503, R"({"error": {"message": "come back later"}})");
    });
    const auto job = routed.turn();
    CHECK(routed.org().column(job, "attempts") == "2");
    CHECK(answer_of(routed, job) == "/first/chat/completions by Bearer k-first");
    CHECK(routed.org().result(job)["model"] == "m-first");
    CHECK(db.value(kUsageProviders) == "first m-first");
    CHECK(answer_of(routed, routed.turn()) == "/second/chat/completions by ");
}

TEST_CASE("provider routing: credentials that cannot be decrypted go to nobody else, and work once the key is there") {
    RoutedOrganisation routed;
    auto& db = routed.org().database();
    const auto missing = secrets::Key::make_random();
    const auto id = routed.add("locked", "user", "m-1", "k-any");
    routed.add("open", "tenant", "m-2", "k-tenant");
    db.execute("UPDATE providers SET credentials = $2 WHERE id = $1",
               pqxx::params{id, secrets::seal(missing, "k-locked")});
    const auto job = routed.org().enqueue_turn("hello", "s1", 2);
    REQUIRE(routed.org().finish(job) == "failed");
    CHECK(routed.org().column(job, "attempts") == "2");
    const auto error = error_of(routed, job);
    CHECK(error.find("\"locked\"") != std::string::npos);
    CHECK(error.find("cannot be decrypted") != std::string::npos);
    CHECK(error.find("k-locked") == std::string::npos);
    CHECK(routed.server.requests().empty());
    CHECK(routed.chat->requests().empty());

    REQUIRE(secrets::replace_keys(routed.place, {routed.keys.front(), missing}).has_value());
    CHECK(answer_of(routed, routed.turn()) == "/locked/chat/completions by Bearer k-locked");

    db.execute("UPDATE providers SET credentials = 'sk-in-the-clear' WHERE id = $1", pqxx::params{id});
    const auto in_clear = routed.turn("failed");
    CHECK(routed.org().column(in_clear, "attempts") == "1");
    CHECK(error_of(routed, in_clear).find("sk-in-the-clear") == std::string::npos);
}

TEST_CASE("provider routing: a key that is rotated away in the middle of a turn costs no attempt") {
    RoutedOrganisation routed;
    auto& db = routed.org().database();
    routed.add("openai", "tenant", "m-1", "k-tenant");
    routed.server.next([&](ServedConnection& connection, const ServedRequest&) {
        const auto next = secrets::Key::make_random();
        pqxx::connection own{db.url()};
        pqxx::work tx{own};
        tx.exec("UPDATE providers SET credentials = $1", pqxx::params{secrets::seal(next, "k-tenant")});
        tx.commit();
        REQUIRE(secrets::replace_keys(routed.place, {next}).has_value());
        connection.respond_json(
            200,
            R"({"model": "m-1", "choices": [{"index": 0, "finish_reason": "tool_calls", "message": {"role": "assistant",
             "content": "", "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "memory_search",
             "arguments": "{\"query\": \"x\"}"}}]}}], "usage": {"prompt_tokens": 1, "completion_tokens": 1}})");
    });
    const auto job = routed.turn();
    CHECK(routed.org().column(job, "attempts") == "1");
    CHECK(routed.server.requests().size() == 2);
    CHECK(answer_of(routed, job) == "/openai/chat/completions by Bearer k-tenant");
}

TEST_CASE("provider routing: calls of one key share its limit") {
    RoutedOrganisation routed;
    routed.add("openai", "tenant", "m-1", "k-tenant");
    const auto key_id = clients::make_key_id(routed.server.url("/openai"), "k-tenant");
    std::size_t running = 0;
    routed.server.next([&](ServedConnection& connection, const ServedRequest& request) {
        running = routed.traffic->key_state(key_id).running;
        answer_chat(connection, request, "ok");
    });
    routed.turn();
    CHECK(running == 1);
    CHECK(routed.traffic->key_state(key_id).running == 0);
}

TEST_CASE("provider routing: without a configured endpoint, a person without a provider is told so") {
    RoutedOrganisation routed{""};
    CHECK(error_of(routed, routed.turn("failed")).find("no model is set up for this user") != std::string::npos);
    routed.add("openai", "tenant", "m-1", "k-tenant");
    CHECK(answer_of(routed, routed.turn()) == "/openai/chat/completions by Bearer k-tenant");
}

TEST_CASE("provider routing: a row that makes no sense fails its turns with a sentence, at once") {
    RoutedOrganisation routed;
    const auto id = routed.add("odd", "user", "m-1", "k");
    auto& db = routed.org().database();
    const auto refused = [&](const std::string& change, const std::string& part) {
        db.execute("UPDATE providers SET " + change + " WHERE id = '" + id + "'");
        const auto job = routed.turn("failed");
        INFO(change);
        CHECK(routed.org().column(job, "attempts") == "1");
        CHECK(error_of(routed, job).find(part) != std::string::npos);
    };
    refused("base_url = NULL", "needs a base URL");
    refused("base_url = 'ftp://x'", "must begin with https://");
    refused("base_url = 'http://127.0.0.1:1', settings = '{\"auth\": \"magic\"}'", "settings.auth");
    refused("settings = '{\"headers\": {\"x\": \"a\\r\\nb: c\"}}'", "settings.headers");
    CHECK(routed.server.requests().empty());
}

TEST_CASE("provider routing: the installation's row embeds for everybody, and is read anew for each job") {
    RoutedOrganisation routed{"scripted-1", "vectors"};
    auto& db = routed.org().database();
    routed.org().add_memory("Ada likes tea.");
    const auto backfill = [&](int max_attempts) {
        const auto job = routed.org().enqueue("embed-memories", nlohmann::json::object(), max_attempts);
        return std::pair{job, routed.org().finish(job)};
    };
    const auto [too_early, refused] = backfill(1);
    CHECK(refused == "failed");
    CHECK(error_of(routed, too_early).find("\"vectors\" that is to embed is not set up") != std::string::npos);

    routed.server.set_script([](ServedConnection& connection, const ServedRequest& request) {
        const auto asked = nlohmann::json::parse(request.body);
        auto data = nlohmann::json::array();
        for (std::size_t i = 0; i < asked["input"].size(); ++i)
            data.push_back({{"index", i}, {"embedding", {1.0, 0.5}}});
        connection.respond_json(
            200, nlohmann::json{{"model", "embed-1"}, {"data", data}, {"usage", {{"prompt_tokens", 4}}}}.dump());
    });
    routed.add("vectors", "tenant", "", "k-tenant");  // of a tenant: not for everybody
    CHECK(backfill(1).second == "failed");
    routed.add("vectors", "", "", "k-vectors");
    db.execute(
        "INSERT INTO model_prices (provider, model, input_usd_per_million) VALUES ('openai-compatible', 'embed-1', "
        "250000)");
    const auto [job, status] = backfill(1);
    REQUIRE(status == "completed");
    CHECK(routed.org().result(job)["embedded"] == 1);
    REQUIRE(routed.server.requests().size() == 1);
    CHECK(routed.server.requests().front().target == "/vectors/embeddings");
    CHECK(key_of(routed.server.requests().front()) == "Bearer k-vectors");
    CHECK(db.value("SELECT provider || ' ' || cost_usd::float8 FROM usage_events WHERE purpose = 'embedding'") ==
          "vectors 1");
    CHECK(db.value("SELECT embedding_model FROM memories") == "embed-1");
}
