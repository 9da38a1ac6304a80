/// @file  Users, sessions, messages: who acts, what is frozen, what is appended once.

#include <catch2/catch_test_macros.hpp>
#include <thread>

#include "pg/database_error.hpp"
#include "store/messages.hpp"
#include "store/sessions.hpp"
#include "store/stream.hpp"
#include "store/users.hpp"
#include "support/eventually.hpp"
#include "world.hpp"

using namespace oiab;
using namespace oiab::tests;

namespace {

store::NewSession session_of(core::UserId user, std::optional<core::TenantId> tenant) {
    store::NewSession session;
    session.session_id = "s1";
    session.user_id = user;
    session.tenant_id = tenant;
    session.title = "Talk";
    return session;
}

store::NewMessage message(core::JobId job, const std::string& step, const std::string& role, const std::string& content,
                          int ordinal = 0) {
    store::NewMessage message;
    message.job_id = job;
    message.step = step;
    message.role = role;
    message.content = content;
    message.ordinal = ordinal;
    return message;
}

}  // namespace

TEST_CASE_METHOD(World, "users: come with tenant and roles, and only with the roles of their own tenant") {
    // A role of another tenant, granted by mistake, counts for nothing.
    database.execute(
        "INSERT INTO user_roles (user_id, role_id, tenant_id) SELECT '00000000-0000-4000-8000-0000000000b2', id, "
        "tenant_id FROM roles "
        "WHERE name = 'owner' AND tenant_id = '00000000-0000-4000-8000-0000000000a2'");
    const auto found = in([&](pg::Transaction& tx) { return store::find_user(tx, bob); });
    REQUIRE(found);
    CHECK(found->tenant_id == contoso);
    CHECK(found->handle == "bob");
    CHECK(found->is_active);
    CHECK(found->tenant_is_active);
    CHECK(found->tenant_settings.find("offline") != std::string::npos);
    REQUIRE(found->role_permissions.size() == 1);
    CHECK(found->role_permissions[0].find("\"create\":false") != std::string::npos);

    CHECK(in([&](pg::Transaction& tx) { return store::find_user(tx, solo); })->role_permissions.empty());
    CHECK_FALSE(in([&](pg::Transaction& tx) { return store::find_user(tx, id<core::UserId>("ff")); }));
    database.execute(
        "UPDATE tenants SET status = 'suspended' WHERE slug = 'contoso'; UPDATE users SET status = 'suspended' WHERE "
        "handle = 'bob'");
    const auto suspended = in([&](pg::Transaction& tx) { return store::find_user(tx, bob); });
    CHECK_FALSE(suspended->is_active);
    CHECK_FALSE(suspended->tenant_is_active);
}

TEST_CASE_METHOD(World, "sessions: made once, never taken over") {
    CHECK(in([&](pg::Transaction& tx) { return store::ensure_session(tx, session_of(alice, contoso)); }));
    CHECK_FALSE(in([&](pg::Transaction& tx) { return store::ensure_session(tx, session_of(carol, fabrikam)); }));
    const auto found = in([&](pg::Transaction& tx) { return store::find_session(tx, "s1"); });
    REQUIRE(found);
    CHECK(found->user_id == alice);
    CHECK(found->title == "Talk");
    CHECK(found->is_active);
    CHECK_FALSE(found->has_snapshot);
    CHECK_FALSE(in([&](pg::Transaction& tx) { return store::find_session(tx, "s2"); }));
}

TEST_CASE_METHOD(
    World,
    "sessions: the template is frozen once, the tenant's own before the global one, and later edits change nothing") {
    database.execute(
        "INSERT INTO agent_templates (tenant_id, slug, system_prompt, model_override) VALUES "
        "(NULL, 'sdr', 'global', NULL), "
        "('00000000-0000-4000-8000-0000000000a1', 'sdr', 'of contoso', '{\"providerID\": \"anthropic\", \"modelID\": "
        "\"m\"}'), "
        "('00000000-0000-4000-8000-0000000000a2', 'sdr', 'of fabrikam', NULL)");
    auto session = session_of(alice, contoso);
    session.template_slug = "sdr";
    const auto frozen = in([&](pg::Transaction& tx) {
        store::ensure_session(tx, session);
        return store::freeze_template(tx, "s1");
    });
    REQUIRE(frozen);
    CHECK(frozen->has_snapshot);
    CHECK(frozen->template_system_prompt == "of contoso");
    CHECK(frozen->template_model_override == R"({"modelID": "m", "providerID": "anthropic"})");
    database.execute("UPDATE agent_templates SET system_prompt = 'edited'");
    CHECK(in([&](pg::Transaction& tx) { return store::freeze_template(tx, "s1"); })->template_system_prompt ==
          "of contoso");

    session.session_id = "s2";
    session.template_slug = "gone";
    const auto without = in([&](pg::Transaction& tx) {
        store::ensure_session(tx, session);
        return store::freeze_template(tx, "s2");
    });
    CHECK_FALSE(without->has_snapshot);
    session.session_id = "s3";
    session.template_slug = "sdr";
    session.tenant_id = std::nullopt;
    session.user_id = solo;
    CHECK(in([&](pg::Transaction& tx) {
              store::ensure_session(tx, session);
              return store::freeze_template(tx, "s3");
          })->template_system_prompt == "edited");
}

TEST_CASE_METHOD(World, "messages: an attempt that repeats appends nothing twice, and numbers have no gaps") {
    in([&](pg::Transaction& tx) { store::ensure_session(tx, session_of(alice, contoso)); });
    const std::vector first{message(job, "turn", "user", "hello"), message(job, "turn", "assistant", "hi", 1)};
    CHECK(in([&](pg::Transaction& tx) { return store::append_messages(tx, "s1", first); }) == 2);
    auto again = first;
    again.push_back(message(job, "turn", "assistant", "and more", 2));
    CHECK(in([&](pg::Transaction& tx) { return store::append_messages(tx, "s1", again); }) == 1);
    CHECK(in([&](pg::Transaction& tx) {
              return store::append_messages(tx, "s1", std::vector{message(other_job, "turn", "user", "next")});
          }) == 1);

    const auto all = in([&](pg::Transaction& tx) { return store::load_messages(tx, "s1"); });
    REQUIRE(all.size() == 4);
    std::string told;
    for (const auto& row : all) told += std::to_string(row.seq) + row.role + ":" + row.content + " ";
    CHECK(told == "1user:hello 2assistant:hi 3assistant:and more 4user:next ");
    CHECK(all[3].job_id == other_job);
    const auto newest = in([&](pg::Transaction& tx) { return store::load_messages(tx, "s1", 2); });
    REQUIRE(newest.size() == 2);
    CHECK(newest[0].seq == 3);
    CHECK(database.value("SELECT last_message_at IS NOT NULL FROM sessions_index") == "t");
}

TEST_CASE_METHOD(World, "messages: tool calls, content blocks and bytes that no text may hold survive the way") {
    in([&](pg::Transaction& tx) { store::ensure_session(tx, session_of(alice, contoso)); });
    auto call = message(job, "round-1", "assistant", std::string{"nul \0 and \xff", 11});
    call.tool_calls = R"([{"id":"c1","name":"memory_add","arguments":"{}"}])";
    call.parts = R"([{"type":"thinking","signature":"x"}])";
    auto answer = message(job, "round-1", "tool", "done", 1);
    answer.tool_call_id = "c1";
    in([&](pg::Transaction& tx) { store::append_messages(tx, "s1", std::vector{call, answer}); });
    const auto all = in([&](pg::Transaction& tx) { return store::load_messages(tx, "s1"); });
    REQUIRE(all.size() == 2);
    CHECK(all[0].content == "nul \xEF\xBF\xBD and \xEF\xBF\xBD");
    CHECK(all[0].tool_calls == R"([{"id": "c1", "name": "memory_add", "arguments": "{}"}])");
    CHECK(all[0].parts == R"([{"type": "thinking", "signature": "x"}])");
    CHECK(all[1].tool_call_id == "c1");
}

TEST_CASE_METHOD(World, "messages: two writers to one session take different places") {
    in([&](pg::Transaction& tx) { store::ensure_session(tx, session_of(alice, contoso)); });
    const auto write = [&](core::JobId writer) {
        pg::Session own{database.settings("writer")};
        for (int i = 0; i < 20; ++i) {
            pg::in_transaction(own, [&](pg::Transaction& tx) {
                store::append_messages(tx, "s1",
                                       std::vector{message(writer, "step " + std::to_string(i), "user", "x")});
            });
        }
    };
    std::jthread one{write, job};
    std::jthread two{write, other_job};
    one.join();
    two.join();
    CHECK(database.value("SELECT format('%s %s', count(*), max(seq)) FROM session_messages") == "40 40");
}

TEST_CASE_METHOD(World, "messages: a session that does not exist is named") {
    try {
        in([&](pg::Transaction& tx) {
            store::append_messages(tx, "nowhere", std::vector{message(job, "turn", "user", "x")});
        });
        FAIL("appended to a session that does not exist");
    } catch (const pg::DatabaseError& error) {
        CHECK(error.trouble() == pg::Trouble::kRefused);
        CHECK(std::string{error.what()} == "there is no session nowhere");
    }
}

TEST_CASE_METHOD(World, "stream: pieces stand at their offsets, once, and are told of on commit") {
    in([&](pg::Transaction& tx) { store::ensure_session(tx, session_of(alice, contoso)); });
    pqxx::connection listening{database.url()};
    int heard = 0;
    listening.listen("oiab_sessions", [&](const pqxx::notification& event) { heard += event.payload == "s1" ? 1 : 0; });
    in([&](pg::Transaction& tx) {
        store::append_stream(tx, "s1", job, 0, "Hel");
        store::append_stream(tx, "s1", job, 3, "lo");
        store::append_stream(tx, "s1", job, 3, "lo");
    });
    CHECK(database.value("SELECT string_agg(delta, '' ORDER BY position) FROM session_stream") == "Hello");
    eventually(
        std::chrono::seconds{10},
        [&] {
            listening.get_notifs();
            return heard == 1;
        },
        "the notification arrives");
    in([&](pg::Transaction& tx) {
        const auto page = store::load_stream(tx, "s1", job, 3);
        REQUIRE(page.pieces.size() == 1);
        CHECK(page.pieces[0].delta == "lo");
        CHECK_FALSE(page.more);
    });
    // A later attempt writes on from where the recorded part ends.
    in([&](pg::Transaction& tx) { store::clear_stream(tx, "s1", job, 3); });
    CHECK(database.value("SELECT string_agg(delta, '') FROM session_stream") == "Hel");
    in([&](pg::Transaction& tx) { store::clear_stream(tx, "s1", job, 0); });
    CHECK(database.value("SELECT count(*) FROM session_stream") == "0");
}
