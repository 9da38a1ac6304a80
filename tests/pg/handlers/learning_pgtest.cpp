// The learning loop: turns, reflections, and one skill for those that resemble each other.
#include <atomic>
#include <catch2/generators/catch_generators.hpp>

#include "clients/offline_chat.hpp"
#include "learning_fixture.hpp"

using namespace oiab;
using namespace oiab::tests;
using namespace std::chrono_literals;

TEST_CASE("learning: three turns that resemble each other propose one skill, and a fourth none") {
    auto chat = scripted(learn_alike);
    School school{chat};
    auto& db = school.database();
    school.take_turn("Invoice 1 is due.");
    school.take_turn("Invoice 2 is due.");
    school.learn();
    CHECK(school.skills() == "0");
    CHECK(db.value("SELECT count(*) FROM jobs WHERE kind = 'learning-propose'") == "0");
    const auto third = school.take_turn("Invoice 3 is due.");
    school.learn();
    REQUIRE(school.skills() == "1");
    CHECK(db.value("SELECT name || ' ' || status || ' ' || version || ' ' || tenant_id FROM skills") ==
          "invoices proposed 1 " + school.tenant());
    CHECK(db.value("SELECT array_agg(t.id ORDER BY t.id) = (SELECT array_agg(s ORDER BY s) FROM skills, "
                   "unnest(source_trajectories) AS s) FROM trajectories t") == "t");
    CHECK(
        db.value("SELECT cluster_key = 'trajectory:' || (SELECT id FROM trajectories ORDER BY created_at LIMIT 1) FROM "
                 "skills") == "t");
    CHECK(school.reflection_of(third) ==
          "What worked: memory_add kept the invoice\nWhat failed: nothing\nReusable: nothing");
    CHECK(db.value("SELECT count(*) FROM trajectories WHERE reflected_at IS NOT NULL AND embedding IS NOT NULL AND "
                   "embedding_model IS NOT NULL") == "3");
    CHECK(db.value("SELECT actor || ' ' || tenant_id FROM audit_log WHERE action = 'admin.skill_propose'") ==
          "system " + school.tenant());

    school.take_turn("Invoice 4 is due.");
    school.learn();
    CHECK(school.skills() == "1");
    CHECK(count_requests(*chat, is_skill) == 1);
    CHECK(db.value("SELECT result ->> 'skillId' = (SELECT id::text FROM skills) FROM jobs WHERE kind = "
                   "'learning-reflect' ORDER BY created_at DESC LIMIT 1") == "t");
}

TEST_CASE("learning: a skill that was turned down is not proposed again by its cluster") {
    School school{scripted(learn_alike)};
    for (const char* text : {"Invoice 1.", "Invoice 2.", "Invoice 3."}) school.take_turn(text);
    school.learn();
    school.database().execute("SELECT deprecate_skill(id) FROM skills");
    for (const char* text : {"Invoice 4.", "Invoice 5.", "Invoice 6."}) school.take_turn(text);
    school.learn();
    CHECK(school.skills() == "1");
}

TEST_CASE("learning: proposals of one cluster that run at once make one skill") {
    std::atomic<int> asked = 0;
    auto chat = std::make_shared<ScriptedChat>(
        [&asked](const ChatRequest& request, int number) -> boost::asio::awaitable<ChatReply> {
            if (!is_skill(request)) co_return learn_alike(request, number);
            ++asked;
            // Both are past the look at the cluster before either writes its skill.
            boost::asio::steady_timer timer{co_await boost::asio::this_coro::executor};
            const auto end = std::chrono::steady_clock::now() + 30s;
            while (asked < 2 && std::chrono::steady_clock::now() < end) {
                timer.expires_after(5ms);
                co_await timer.async_wait(boost::asio::use_awaitable);
            }
            co_return say(skill_text("skill-" + std::to_string(asked)));
        });
    School school{chat};
    auto& db = school.database();
    // Their own proposals are kept waiting, so that two of this test's, without a lane, stand for two workers.
    db.execute("INSERT INTO job_pauses (scope, name) VALUES ('kind', 'learning-propose')");
    for (const char* text : {"Invoice 1.", "Invoice 2.", "Invoice 3."}) school.take_turn(text);
    eventually(
        60s, [&] { return db.value("SELECT count(*) FROM trajectories WHERE reflected_at IS NOT NULL") == "3"; },
        "all turns are reflected upon");
    db.execute("DELETE FROM jobs WHERE kind = 'learning-propose'");
    db.execute("DELETE FROM job_pauses");
    std::vector<std::string> jobs;
    for (int i = 0; i < 2; ++i) {
        jobs.push_back(
            db.value("INSERT INTO jobs (kind, payload) SELECT 'learning-propose', "
                     "jsonb_build_object('trajectoryId', id) FROM trajectories ORDER BY created_at OFFSET $1 "
                     "LIMIT 1 RETURNING id",
                     pqxx::params{i}));
    }
    for (const auto& job : jobs) CHECK(school.finish(job) == "completed");
    CHECK(asked == 2);
    CHECK(school.skills() == "1");
    CHECK(db.value("SELECT count(*) FROM jobs WHERE result ->> 'note' = 'the cluster has its skill already'") == "1");
}

TEST_CASE("learning: the last two turns of a cluster, reflected upon at once, still find each other") {
    std::atomic<int> reviews = 0;
    auto chat = std::make_shared<ScriptedChat>(
        [&reviews](const ChatRequest& request, int number) -> boost::asio::awaitable<ChatReply> {
            if (is_review(request) && ++reviews > 1) {
                boost::asio::steady_timer timer{co_await boost::asio::this_coro::executor};
                const auto end = std::chrono::steady_clock::now() + 30s;
                while (reviews < 3 && std::chrono::steady_clock::now() < end) {
                    timer.expires_after(5ms);
                    co_await timer.async_wait(boost::asio::use_awaitable);
                }
            }
            co_return learn_alike(request, number);
        });
    School school{chat};
    for (const char* text : {"Invoice 1.", "Invoice 2.", "Invoice 3."}) school.take_turn(text);
    school.learn();
    CHECK(school.skills() == "1");
}

TEST_CASE("learning: turns that differ in tools or in what they taught are no company") {
    std::atomic<int> turn = 0;
    auto chat = scripted([&turn](const ChatRequest& request, int number) {
        if (!is_review(request)) return learn_alike(request, number);
        constexpr const char* kWords[] = {"memory_add kept the invoice of a customer", "gardens need water in July",
                                          "the compiler was updated twice"};
        return say(review_text(kWords[turn++ % 3]));
    });
    School school{chat};
    for (const char* text : {"Invoice 1.", "Invoice 2.", "Invoice 3."}) school.take_turn(text);
    school.learn();
    CHECK(school.skills() == "0");
    // The same words, another tool.
    school.database().execute(
        "UPDATE trajectories SET embedding = (SELECT embedding FROM trajectories LIMIT 1), "
        "tools = jsonb_build_array(jsonb_build_object('tool', id::text))");
    const auto job = school.enqueue("learning-propose",
                                    {{"trajectoryId", school.database().value("SELECT id FROM trajectories LIMIT 1")}});
    CHECK(school.finish(job) == "completed");
    CHECK(school.result(job)["note"] == "too few turns resemble this one");
}

TEST_CASE("learning: turns of other tenants are no company, and without a tenant those of other users") {
    auto chat = scripted(learn_alike);
    School school{chat};
    auto& db = school.database();
    const bool with_tenant = GENERATE(true, false);
    school.take_turn("Invoice 1.");
    school.take_turn("Invoice 2.");
    school.learn();
    if (with_tenant) {
        db.execute(
            "INSERT INTO tenants (name, slug) VALUES ('Fabrikam', 'fabrikam');"
            "UPDATE trajectories SET tenant_id = (SELECT id FROM tenants WHERE slug = 'fabrikam')");
    } else {
        db.execute(
            "INSERT INTO users (handle) VALUES ('solo'); UPDATE trajectories SET tenant_id = NULL, user_id = "
            "(SELECT id FROM users WHERE handle = 'solo');"
            "DELETE FROM user_roles; UPDATE sessions_index SET tenant_id = NULL; UPDATE users SET tenant_id = NULL");
    }
    school.take_turn("Invoice 3.");
    school.learn();
    CHECK(school.skills() == "0");
    school.take_turn("Invoice 4.");
    school.take_turn("Invoice 5.");
    school.learn();
    CHECK(school.skills() == "1");
    CHECK(db.value("SELECT cardinality(source_trajectories) FROM skills") == "3");
}

TEST_CASE("learning: what is reusable becomes a private skill-note, the same words once") {
    auto chat = scripted([](const ChatRequest& request, int number) {
        return is_review(request) ? say(review_text("kept", "Keep invoices with their date."))
                                  : learn_alike(request, number);
    });
    School school{chat};
    school.take_turn("Invoice 1.");
    school.take_turn("Invoice 2.");
    school.learn();
    CHECK(school.database().value("SELECT string_agg(content || ' ' || visibility || ' ' || user_id || ' ' || "
                                  "source_session_id, '|') FROM memories WHERE kind = 'skill-note'") ==
          "Keep invoices with their date. private " + school.user() + " s1");
}

TEST_CASE("learning: turns without tools, and every turn where it is switched off, cost no second call") {
    auto chat = scripted([](const ChatRequest&, int) { return say("Hello."); });
    {
        School school{chat};
        school.take_turn("Hello?");
        CHECK(school.database().value("SELECT count(*) FROM jobs WHERE kind LIKE 'learning-%'") == "0");
    }
    auto tools = scripted(learn_alike);
    Organisation off{tools};
    REQUIRE(off.finish(off.enqueue_turn("Invoice 1.")) == "completed");
    CHECK(off.database().value("SELECT count(*) FROM jobs WHERE kind LIKE 'learning-%'") == "0");
    // One that was enqueued before the switch was turned ends without a call.
    const auto late = off.enqueue("learning-reflect", {{"sessionId", "s1"}, {"jobId", off.tenant()}});
    REQUIRE(off.finish(late) == "completed");
    CHECK(off.result(late)["note"] == "learning is switched off");
    CHECK(count_requests(*tools, is_review) == 0);
}

TEST_CASE("learning: it queues behind turns, and nobody who follows the session sees it") {
    auto chat = scripted(learn_alike);
    School school{chat};
    const auto turn = school.take_turn("Invoice 1.");
    school.learn();
    CHECK(school.learning("learning-reflect", "priority", turn) == "100");
    CHECK(school.database().value("SELECT count(*) FROM session_stream WHERE job_id <> '" + turn + "'") == "0");
    CHECK(school.database().value("SELECT count(*) FROM session_messages WHERE job_id <> '" + turn + "'") == "0");
    CHECK(school.database().value("SELECT count(*) FROM usage_events WHERE purpose = 'reflection'") == "1");
}

TEST_CASE("learning: the offline model closes the loop by itself") {
    School school{std::make_shared<clients::OfflineChat>()};
    school.take_turn("Remember that invoice 17 of Contoso is due on Friday.");
    school.take_turn("Remember that invoice 18 of Contoso is due on Monday.");
    school.take_turn("Remember that my sister loves green tea.");
    school.learn();
    CHECK(school.skills() == "0");
    school.take_turn("Remember that invoice 23 of Contoso is due on Sunday.");
    school.learn();
    REQUIRE(school.skills() == "1");
    auto& db = school.database();
    CHECK(db.value("SELECT name FROM skills") == "remember-invoice-contoso");
    CHECK(db.value("SELECT cardinality(source_trajectories) FROM skills") == "3");
    CHECK(db.value("SELECT changed FROM promote_skill((SELECT id FROM skills))") == "t");
    const auto turn = school.take_turn("Please use the skill remember-invoice-contoso.");
    CHECK(school.result(turn)["text"].get<std::string>().find("# Skill: remember invoice contoso") !=
          std::string::npos);
}
