// Money: limits of users, requests and tenants, set aside before each call and settled after it.
#include <random>

#include "agent_fixture.hpp"

using namespace oiab;
using namespace oiab::tests;
using namespace std::chrono_literals;

namespace {

void limit_members(Organisation& org, const std::string& key, const std::string& usd) {
    org.database().execute("UPDATE roles SET permissions = jsonb_set(permissions, ARRAY['cost', '" + key + "'], '" +
                           usd + "') WHERE name = 'member'");
}

/// Ten dollars for a million tokens of input, a hundred for output.
void set_price(Organisation& org) {
    org.database().execute(
        "INSERT INTO model_prices (provider, model, input_usd_per_million, output_usd_per_million, max_output_tokens) "
        "VALUES ('*', 'scripted-1', 10, 100, 4000)");
}

/// Answers with as many tokens as it is allowed, as an eager model does. The prompt counts a little more than
/// estimated.
ChatReply eager(const ChatRequest& request) {
    std::int64_t bytes = 0;
    for (const auto& message : request.messages) bytes += static_cast<std::int64_t>(message.content.size());
    return say("ok", bytes / 3, request.max_output_tokens.value_or(100'000));
}

/// Holds every call until the test lets it go.
struct Held {
    std::atomic<bool> open{false};
    std::shared_ptr<ScriptedChat> chat =
        std::make_shared<ScriptedChat>([this](const ChatRequest& request, int) -> boost::asio::awaitable<ChatReply> {
            boost::asio::steady_timer timer{co_await boost::asio::this_coro::executor};
            while (!open) {
                timer.expires_after(2ms);
                co_await timer.async_wait(boost::asio::use_awaitable);
            }
            co_return say("ok", 100, request.max_output_tokens.value_or(0) / 2);
        });
};

}  // namespace

TEST_CASE("budget: turns that race for what is left never spend more than the limit, and spend it") {
    const auto seed = std::random_device{}();
    INFO("seed " << seed);
    auto chat =
        std::make_shared<ScriptedChat>([](const ChatRequest& request, int number) -> boost::asio::awaitable<ChatReply> {
            boost::asio::steady_timer timer{co_await boost::asio::this_coro::executor,
                                            std::chrono::milliseconds{number % 7}};
            co_await timer.async_wait(boost::asio::use_awaitable);
            co_return eager(request);
        });
    Organisation org{chat};
    set_price(org);
    limit_members(org, "monthly_limit_usd", "1.5");
    org.database().execute("INSERT INTO tenant_quotas (tenant_id, monthly_limit_usd) VALUES ($1, 2.25)",
                           pqxx::params{org.tenant()});
    const auto bob = org.add_user("bob", "member");
    std::vector<std::string> jobs;
    for (int i = 0; i < 16; ++i) {
        const std::string session = "race-" + std::to_string(i);
        org.add_session(session, i % 2 == 0 ? org.user() : bob);
        jobs.push_back(org.enqueue("agent-turn", {{"userId", i % 2 == 0 ? org.user() : bob},
                                                  {"sessionId", session},
                                                  {"text", std::string(100U + (seed >> (i % 8)) % 400U, 'x')}}));
    }
    int completed = 0;
    for (const auto& job : jobs) {
        if (org.finish(job) == "completed") ++completed;
        else CHECK(org.column(job, "failure_reason") == "budget");
        CHECK(org.column(job, "attempts") == "1");
    }
    CHECK(completed > 0);
    CHECK(completed < 16);
    auto& db = org.database();
    CHECK(db.value(
              "SELECT bool_and(spent <= 1.5) FROM (SELECT sum(cost_usd) AS spent FROM usage_events GROUP BY user_id) "
              "AS users") == "t");
    CHECK(db.value("SELECT sum(cost_usd) <= 2.25 FROM usage_events") == "t");
    // Whoever was refused was so because less was left than the least call costs.
    CHECK(db.value("SELECT sum(cost_usd) > 2.15 FROM usage_events") == "t");
    CHECK(db.value("SELECT count(*) FROM usage_reservations") == "0");
    CHECK(db.value("SELECT count(*) FROM usage_events WHERE uncertain") == "0");
}

TEST_CASE("budget: a turn waits where only calls under way stand in its way, loses no attempt, and then goes on") {
    Held held;
    Organisation org{held.chat};
    set_price(org);
    limit_members(org, "monthly_limit_usd", "0.5");
    org.add_session("s2", org.user());
    const auto first = org.enqueue_turn("one");
    org.start();
    eventually(30s, [&] { return held.chat->requests().size() == 1; }, "the first turn asks the model");
    CHECK(held.chat->requests().front().max_output_tokens == 4000);
    const auto second = org.enqueue_turn("two", "s2");
    eventually(
        30s, [&] { return org.column(second, "status || ' ' || (lease_epoch > 0)") == "pending true"; },
        "the second turn waits");
    CHECK(org.column(second, "attempts") == "0");
    CHECK(held.chat->requests().size() == 1);
    held.open = true;
    REQUIRE(org.finish(first) == "completed");
    REQUIRE(org.finish(second) == "completed");
    CHECK(org.column(second, "attempts") == "1");
    // What the first one left affords a shorter answer.
    CHECK(held.chat->requests().back().max_output_tokens.value_or(0) < 4000);
    CHECK(org.database().value("SELECT sum(cost_usd) <= 0.5 FROM usage_events") == "t");
}

TEST_CASE("budget: a turn over budget fails and says how much is spent") {
    auto chat = scripted([](const ChatRequest& request, int) { return eager(request); });
    Organisation org{chat};
    set_price(org);
    limit_members(org, "monthly_limit_usd", "0.4");
    REQUIRE(org.finish(org.enqueue_turn("spend it all")) == "completed");
    const auto job = org.enqueue_turn("and more");
    REQUIRE(org.finish(job) == "failed");
    CHECK(org.column(job, "failure_reason") == "budget");
    const auto sum = org.database().value("SELECT to_char(sum(cost_usd), 'FM0.0000') FROM usage_events");
    CHECK(org.column(job, "last_error")
              .starts_with("the user's monthly limit of 0.4000 USD allows no further model call: " + sum +
                           " USD are spent"));
    CHECK(chat->requests().size() == 1);
}

TEST_CASE("budget: what an attempt has on record is kept by the next one, though its call reached the limit") {
    auto chat = scripted([](const ChatRequest& request, int) { return eager(request); });
    Organisation org{chat};
    set_price(org);
    limit_members(org, "monthly_limit_usd", "0.4");
    auto& db = org.database();
    // The first attempts' completions are refused; what they asked is recorded and paid for.
    db.execute("CREATE SEQUENCE completions");
    db.execute(
        "CREATE FUNCTION refuse_once() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        "IF nextval('completions') = 1 THEN RAISE EXCEPTION 'not yet' USING ERRCODE = 'check_violation'; END IF; "
        "RETURN NEW; END $$");
    db.execute(
        "CREATE TRIGGER refuse_once BEFORE UPDATE ON jobs FOR EACH ROW "
        "WHEN (NEW.status = 'completed' AND NEW.kind = 'agent-turn') EXECUTE FUNCTION refuse_once()");
    const auto job = org.enqueue_turn("spend it all");
    REQUIRE(org.finish(job) == "completed");
    CHECK(org.column(job, "attempts") == "2");
    CHECK(chat->requests().size() == 1);
    CHECK(db.value("SELECT count(*) FROM usage_events WHERE purpose = 'chat'") == "1");
}

TEST_CASE("budget: a completion that the server rolls back again and again is tried until it comes through") {
    auto chat = scripted([](const ChatRequest&, int) { return say("ok"); });
    Organisation org{chat};
    auto& db = org.database();
    db.execute("CREATE SEQUENCE completions");
    db.execute(
        "CREATE FUNCTION roll_back() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        "IF nextval('completions') <= 6 THEN RAISE EXCEPTION 'again' USING ERRCODE = 'serialization_failure'; END IF; "
        "RETURN NEW; END $$");
    db.execute(
        "CREATE TRIGGER roll_back BEFORE UPDATE ON jobs FOR EACH ROW "
        "WHEN (NEW.status = 'completed' AND NEW.kind = 'agent-turn') EXECUTE FUNCTION roll_back()");
    const auto job = org.enqueue_turn("hello");
    REQUIRE(org.finish(job) == "completed");
    CHECK(org.column(job, "attempts") == "1");
    CHECK(chat->requests().size() == 1);
}

TEST_CASE("budget: the tenant's limit counts all of its users, and one without limits is never bounded") {
    auto chat = scripted([](const ChatRequest& request, int) { return eager(request); });
    Organisation org{chat};
    set_price(org);
    REQUIRE(org.finish(org.enqueue_turn("no limit")) == "completed");
    CHECK_FALSE(chat->requests().back().max_output_tokens.has_value());
    CHECK(org.database().value("SELECT sum(cost_usd) > 10 FROM usage_events") == "t");
    const auto bob = org.add_user("bob", "member");
    org.add_session("bobs", bob);
    org.database().execute("INSERT INTO tenant_quotas (tenant_id, monthly_limit_usd) VALUES ($1, 5)",
                           pqxx::params{org.tenant()});
    const auto job = org.enqueue("agent-turn", {{"userId", bob}, {"sessionId", "bobs"}, {"text", "x"}});
    REQUIRE(org.finish(job) == "failed");
    CHECK(org.column(job, "last_error").starts_with("the tenant's monthly limit of 5.0000 USD"));
}

TEST_CASE("budget: what a call that broke off may have cost is charged by estimate, and a refused one costs nothing") {
    auto chat = scripted([](const ChatRequest&, int number) -> ChatReply {
        ModelError error{ModelErrorClass::kRetryable, "no", 1ms, 0};
        if (number == 2) {
            error.may_be_billed = true;
            error.message = "the connection broke";
        }
        if (number <= 2) return std::unexpected{error};
        return say("done", 10, 5);
    });
    Organisation org{chat};
    set_price(org);
    const auto job = org.enqueue_turn("hello");
    REQUIRE(org.finish(job) == "completed");
    auto& db = org.database();
    CHECK(db.value(
              "SELECT string_agg(split_part(request_id, ':', 2) || split_part(request_id, ':', 3) || ' ' || uncertain, "
              "', ' ORDER BY created_at) FROM usage_events WHERE purpose = 'chat'") ==
          "model-1lost-2 true, model-1 false");
    CHECK(db.value("SELECT min(input_tokens) > 0 FROM usage_events WHERE uncertain") == "t");
    CHECK(db.value("SELECT count(*) FROM usage_reservations") == "0");
}

TEST_CASE("budget: planners, subtasks and syntheses keep within the same limit") {
    auto chat = scripted([](const ChatRequest& request, int) {
        auto reply = eager(request);
        if (request.messages.front().content.find("JSON array") != std::string::npos) {
            reply->content = R"([{"description": "a", "agent": "build", "dependencies": []},
                                 {"description": "b", "agent": "build", "dependencies": []},
                                 {"description": "c", "agent": "build", "dependencies": []}])";
            reply->usage->output_tokens = 100;
        }
        return reply;
    });
    Organisation org{chat};
    set_price(org);
    limit_members(org, "monthly_limit_usd", "0.9");
    const auto plan = org.enqueue("orchestrator-plan",
                                  {{"userId", org.user()}, {"parentSessionId", "s1"}, {"taskDescription", "work"}}, 1);
    REQUIRE(org.finish(plan) == "completed");
    eventually(
        60s, [&] { return org.database().value("SELECT status FROM orchestrator_plans") == "failed"; },
        "the plan runs out of money");
    CHECK(org.database().value("SELECT count(*) > 0 FROM jobs WHERE failure_reason = 'budget'") == "t");
    CHECK(org.database().value("SELECT sum(cost_usd) <= 0.9 FROM usage_events") == "t");
    CHECK(org.database().value("SELECT sum(cost_usd) > 0.7 FROM usage_events") == "t");
}

TEST_CASE("budget: an embedding is paid from the same purse, and a turn that can afford none goes by age") {
    class Paid final : public clients::Embedder {
    public:
        boost::asio::awaitable<std::expected<clients::Embeddings, ModelError>> embed(std::vector<std::string> texts,
                                                                                     core::Deadline deadline) override {
            ++calls;
            auto made = co_await offline.embed(std::move(texts), deadline);
            if (made) made->tokens = 1'000;
            co_return made;
        }
        [[nodiscard]] std::string_view model() const noexcept override { return offline.model(); }
        clients::OfflineEmbedder offline;
        std::atomic<int> calls{0};
    };
    auto embedder = std::make_shared<Paid>();
    auto chat = scripted([](const ChatRequest&, int) { return say("ok"); });
    Organisation org{chat, embedder};
    auto& db = org.database();
    db.execute("INSERT INTO model_prices (provider, model, input_usd_per_million) VALUES ('*', $1, 1000)",
               pqxx::params{std::string{embedder->model()}});
    org.add_memory("Ada likes tea.");
    limit_members(org, "monthly_limit_usd", "1.01");
    REQUIRE(org.finish(org.enqueue_turn("tea?")) == "completed");
    CHECK(db.value("SELECT cost_usd::float8 FROM usage_events WHERE purpose = 'embedding'") == "1");
    CHECK(embedder->calls == 1);
    const auto job = org.enqueue_turn("this question is longer than a cent affords: tea?");
    REQUIRE(org.finish(job) == "completed");
    CHECK(embedder->calls == 1);
    CHECK(org.result(job)["memories"].size() == 1);

    const auto backfill = org.enqueue("embed-memories", {{"userId", org.user()}});
    REQUIRE(org.finish(backfill) == "completed");
    db.execute("UPDATE model_prices SET input_usd_per_million = 100000");
    org.add_memory("Ada likes long walks.");
    const auto refused = org.enqueue("embed-memories", {{"userId", org.user()}});
    REQUIRE(org.finish(refused) == "failed");
    CHECK(org.column(refused, "failure_reason") == "budget");
    CHECK(db.value("SELECT count(*) FROM memories WHERE embedding_claimed_until IS NOT NULL") == "0");
    CHECK(db.value("SELECT count(*) FROM usage_reservations") == "0");
}
