/// @file  Members of a dispatch that work in a pool of sandboxes.

#include <atomic>
#include <catch2/catch_test_macros.hpp>
#include <set>

#include "agent_fixture.hpp"
#include "support/http_server.hpp"

using namespace oiab;
using namespace oiab::tests;
using nlohmann::json;

namespace {

struct Pooled {
    explicit Pooled(HttpServer::Script script, const std::string& mode = "remote", int tasks = 1)
        : server{std::move(script)},
          org{scripted([mode, tasks](const ChatRequest& request, int) {
                  if (request.messages.back().content.starts_with("Synthesize")) return say("all together");
                  if (request.messages.back().role == clients::Role::kTool) return say("on its way");
                  json arguments{{"mode", mode}, {"rationale", "far away"}, {"tasks", json::array()}};
                  for (int i = 0; i < tasks; ++i) arguments["tasks"].push_back("task " + std::to_string(i));
                  return use_tool("dispatch", arguments.dump());
              }),
              std::make_shared<clients::OfflineEmbedder>(),
              {},
              std::make_shared<clients::DispatchPool>(
                  http, clock, clients::DispatchPoolSettings{.url = server.url("/members"), .token = "pool-token"})} {}

    void finish(const std::string& status) {
        REQUIRE(org.finish(org.enqueue_turn("go")) == "completed");
        eventually(
            std::chrono::seconds{60}, [&] { return org.database().value("SELECT status FROM dispatches") == status; },
            "the dispatch is " + status);
    }

    HttpServer server;
    core::SystemClock clock;
    clients::HttpClient http{[] {
        clients::HttpClientSettings settings;
        settings.proxy = "";
        return settings;
    }()};
    Organisation org;
};

}  // namespace

TEST_CASE("dispatch: the pool is handed the task under one key, and its result is the member's") {
    Pooled pooled{[](ServedConnection& connection, const ServedRequest&) {
        connection.respond_json(200, R"({"result": "built"})");
    }};
    pooled.finish("completed");
    auto& db = pooled.org.database();
    CHECK(db.value("SELECT status || ': ' || result FROM dispatch_members") == "completed: built");
    CHECK(db.value("SELECT session_id FROM dispatch_members") == "NULL");
    const auto requests = pooled.server.requests();
    REQUIRE(requests.size() == 1);
    CHECK(requests[0].method == "POST");
    CHECK(requests[0].target == "/members");
    CHECK(requests[0].header("authorization") == "Bearer pool-token");
    CHECK(requests[0].header("idempotency-key") ==
          db.value("SELECT id || ':pool' FROM jobs WHERE kind = 'dispatch-execute'"));
    auto body = json::parse(requests[0].body);
    CHECK(body.at("dispatchId") == db.value("SELECT id FROM dispatches"));
    body.erase("dispatchId");
    CHECK(body == json{{"member", 0},
                       {"mode", "remote"},
                       {"rationale", "far away"},
                       {"agent", "build"},
                       {"task", "task 0"},
                       {"tenantId", pooled.org.tenant()},
                       {"userId", pooled.org.user()},
                       {"parentSessionId", "s1"}});
}

TEST_CASE("dispatch: a pool that works on it is asked again with the same key, at no attempt's cost") {
    std::atomic<int> asked{0};
    Pooled pooled{[&](ServedConnection& connection, const ServedRequest&) {
        if (++asked < 5) {
            connection.respond(202, "", {{"Retry-After", "1"}});
        } else {
            connection.respond_json(200, R"({"result": "at last"})");
        }
    }};
    pooled.finish("completed");
    CHECK(pooled.org.database().value("SELECT result FROM dispatch_members") == "at last");
    CHECK(pooled.org.database().value("SELECT attempts FROM jobs WHERE kind = 'dispatch-execute'") == "1");
    std::set<std::string> keys;
    for (const auto& request : pooled.server.requests()) keys.insert(request.header("idempotency-key"));
    CHECK(keys.size() == 1);
}

TEST_CASE("dispatch: a pool in trouble is asked again, one that refuses is not") {
    std::atomic<int> asked{0};
    Pooled pooled{[&](ServedConnection& connection, const ServedRequest& request) {
                      const bool refused = json::parse(request.body).at("member") == 1;
                      if (refused) return connection.respond_json(422, R"({"error": "no machine fits"})");
                      if (++asked == 1) return connection.respond(503, "");
                      connection.respond_json(200, R"({"result": "fine"})");
                  },
                  "team_multi_vm", 2};
    pooled.finish("completed");
    auto& db = pooled.org.database();
    CHECK(asked == 2);
    CHECK(db.value("SELECT error FROM dispatches") == "member 1: the sandbox pool answered 422: no machine fits");
    CHECK(db.value("SELECT string_agg(attempts::text, ',' ORDER BY payload ->> 'member') FROM jobs WHERE kind = "
                   "'dispatch-execute'") == "2,1");
}
