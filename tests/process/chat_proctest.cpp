#include <catch2/catch_test_macros.hpp>
#include <csignal>
#include <nlohmann/json.hpp>
#include <sstream>

#include "daemon.hpp"
#include "support/terminal.hpp"

using namespace std::chrono_literals;
using namespace oiab::tests;
using nlohmann::json;

namespace {

constexpr const char* kAda = "0de30000-0000-7000-8000-0000000000a1";
constexpr const char* kTurn = "019a0000-0000-7000-8000-000000000001";

/// A tenant with Ada, who may run agents, and Max, who belongs to it, too.
void add_people(TestDatabase& database) {
    database.execute(
        "INSERT INTO tenants (id, name, slug) VALUES ('0de30000-0000-7000-8000-00000000000a', 'Contoso', 'contoso');"
        "INSERT INTO users (id, handle, tenant_id) VALUES"
        " ('0de30000-0000-7000-8000-0000000000a1', 'ada', '0de30000-0000-7000-8000-00000000000a'),"
        " ('0de30000-0000-7000-8000-0000000000a2', 'max', '0de30000-0000-7000-8000-00000000000a');"
        "INSERT INTO user_roles (user_id, role_id, tenant_id)"
        " SELECT u.id, r.id, r.tenant_id FROM users u JOIN roles r ON r.tenant_id = u.tenant_id AND r.name = 'member'");
}

void add_session(TestDatabase& database, const std::string& id) {
    database.execute("INSERT INTO sessions_index (session_id, user_id, tenant_id) VALUES ($1, $2, $3)",
                     pqxx::params{id, kAda, "0de30000-0000-7000-8000-00000000000a"});
}

/// A turn of session s1 that some worker has begun, and what it has streamed: {position, piece}.
void add_running_turn(TestDatabase& database, const std::vector<std::pair<int, std::string>>& pieces) {
    add_people(database);
    add_session(database, "s1");
    database.execute("INSERT INTO jobs (id, kind, payload) VALUES ($1, 'agent-turn', '{}')", pqxx::params{kTurn});
    database.execute("UPDATE jobs SET status = 'running', locked_by = 'test'");
    for (const auto& [position, piece] : pieces) {
        database.execute("INSERT INTO session_stream (session_id, job_id, position, delta) VALUES ('s1', $1, $2, $3)",
                         pqxx::params{kTurn, position, piece});
    }
}

std::vector<json> events_of(const std::string& out) {
    std::vector<json> events;
    std::istringstream lines{out};
    for (std::string line; std::getline(lines, line);) {
        // The last line may still be on its way.
        if (auto event = json::parse(line, nullptr, false); !event.is_discarded()) events.push_back(std::move(event));
    }
    return events;
}

std::string deltas_of(const std::vector<json>& events) {
    std::string text;
    for (const auto& event : events) {
        if (event.at("event") == "again") text.clear();
        if (event.at("event") == "delta") text += event.at("text").get<std::string>();
    }
    return text;
}

}  // namespace

TEST_CASE("chat: one message is one turn, and its answer is shown") {
    TestDatabase database;
    add_people(database);
    const auto cli = quick_cli(database);
    const auto daemon = cli.start({});
    wait_until_ready(*daemon);
    const auto asked = cli.run({"chat", "--user", "ada", "--session", "s1", "Tell me about project Aurora"});
    INFO(asked.err);
    CHECK(asked.code == 0);
    CHECK(asked.out.find("I remember nothing about that") != std::string::npos);
    CHECK(asked.out.find("You said: Tell me about project Aurora") != std::string::npos);
    CHECK(database.value("SELECT string_agg(role, ',' ORDER BY seq) FROM session_messages WHERE session_id = 's1'") ==
          "user,assistant");
    CHECK(database.value("SELECT payload->>'channel' FROM jobs WHERE kind = 'agent-turn'") == "tui");
}

TEST_CASE("chat: a conversation answers line by line, and shows its history the next time") {
    TestDatabase database;
    add_people(database);
    const auto cli = quick_cli(database);
    const auto daemon = cli.start({});
    wait_until_ready(*daemon);
    const auto first =
        cli.run({"chat", "-u", "ada", "-s", "s1"}, "Which hotel is nearest\n\nWhat do zebras eat\n/nonsense\n/quit\n");
    INFO(first.out << first.err);
    CHECK(first.code == 0);
    const auto alpha = first.out.find("You said: Which hotel is nearest");
    CHECK(alpha != std::string::npos);
    CHECK(first.out.find("You said: What do zebras eat", alpha) != std::string::npos);
    CHECK(first.err.find("there is no command /nonsense") != std::string::npos);
    CHECK(database.value("SELECT count(*) FROM jobs WHERE kind = 'agent-turn' AND status = 'completed'") == "2");

    const auto second = cli.run({"chat", "-s", "s1", "--history", "2"}, "");
    CHECK(second.code == 0);
    CHECK(second.out.find("you> Which hotel is nearest") == std::string::npos);
    CHECK(second.out.find("you> What do zebras eat") != std::string::npos);
}

TEST_CASE("chat: a session is its user's alone, and whoever talks must be known") {
    TestDatabase database;
    add_people(database);
    add_session(database, "s1");
    const Cli cli{database};
    check_sentence(cli.run({"chat", "-u", "max", "-s", "s1", "hello"}), 1, "belongs to somebody else");
    check_sentence(cli.run({"chat", "-u", "nobody", "hello"}), 1, "there is no user \"nobody\"");
    check_sentence(cli.run({"chat", "hello"}), 1, "--user");
    CHECK(database.value("SELECT count(*) FROM jobs") == "0");
}

TEST_CASE("chat: a reader that stopped goes on at its offset") {
    TestDatabase database;
    add_running_turn(database, {{0, "Grüße "}, {8, "aus "}, {12, "Lissabon"}});
    database.execute(R"(UPDATE jobs SET status = 'completed', result = '{"text": "Grüße aus Lissabon"}')");
    const Cli cli{database};
    const auto whole = cli.run({"chat", "-s", "s1", "--job", kTurn, "--json"});
    CHECK(whole.code == 0);
    const auto events = events_of(whole.out);
    CHECK(deltas_of(events) == "Grüße aus Lissabon");
    CHECK(events.back().at("event") == "ended");
    const auto rest = cli.run({"chat", "-s", "s1", "--job", kTurn, "--from", "8", "--json"});
    CHECK(deltas_of(events_of(rest.out)) == "aus Lissabon");
    // People get the whole answer once, whether or not all of it was streamed.
    CHECK(cli.run({"chat", "-s", "s1", "--job", kTurn}).out == "Grüße aus Lissabon\n");
    database.execute("DELETE FROM session_stream");
    CHECK(cli.run({"chat", "-s", "s1", "--job", kTurn}).out == "Grüße aus Lissabon\n");
}

TEST_CASE("chat: an answer that a later attempt writes anew is shown anew") {
    TestDatabase database;
    add_running_turn(database, {{0, "One thing, "}, {11, "and ano"}});
    const Cli cli{database};
    const auto reader = cli.start({"chat", "-s", "s1", "--job", kTurn, "--json"});
    eventually(30s, [&] { return deltas_of(events_of(reader->out())) == "One thing, and ano"; }, "the first attempt");
    // What was recorded stays; what was cut off is written anew.
    database.execute(
        "DELETE FROM session_stream WHERE position >= 11;"
        "INSERT INTO session_stream (session_id, job_id, position, delta) VALUES"
        " ('s1', '019a0000-0000-7000-8000-000000000001', 11, 'and something else');"
        "SELECT pg_notify('oiab_sessions', 's1')");
    eventually(
        30s, [&] { return deltas_of(events_of(reader->out())) == "One thing, and something else"; },
        "the second attempt");
    database.execute("UPDATE jobs SET status = 'completed'");
    CHECK(reader->wait_or_fail().code == 0);
}

TEST_CASE("chat: Ctrl-C cancels the answer that is awaited, and says before why none comes") {
    TestDatabase database;
    add_people(database);
    const Cli cli{database};
    const auto chat = cli.start({"chat", "-u", "ada", "-s", "s1", "hello"});
    eventually(30s, [&] { return chat->err().find("worker") != std::string::npos; }, "why nothing happens");
    chat->signal(SIGINT);
    CHECK(chat->wait_or_fail().code == 4);
    CHECK(database.value("SELECT status || ' ' || failure_reason FROM jobs") == "failed cancelled");
}

TEST_CASE("chat: what the model says cannot command the terminal") {
    TestDatabase database;
    add_running_turn(database, {{0, "a\x1b[2Jb\nc\u009b1mé"}});
    database.execute("UPDATE jobs SET status = 'completed'");
    CHECK(Cli{database}.run({"chat", "-s", "s1", "--job", kTurn}).out == "a?[2Jb\nc?1mé\n");
}

TEST_CASE("chat: a plan is asked for, looked at, and its answer comes into the waiting session") {
    TestDatabase database;
    add_people(database);
    const auto cli = quick_cli(database);
    const auto daemon = cli.start({});
    wait_until_ready(*daemon);
    const auto chat = cli.converse({"chat", "-u", "ada", "-s", "s1", "--json"});
    chat->type("/orchestrate Compare the two hotels and then write a recommendation\n");
    const auto plan = [&] { return database.value("SELECT id FROM orchestrator_plans"); };
    eventually(30s, [&] { return !plan().empty(); }, "the plan");
    CHECK(chat->out().find(plan()) != std::string::npos);
    eventually(
        60s,
        [&] {
            const auto events = events_of(chat->out());
            return !events.empty() && events.back().at("event") == "message" && events.back().at("role") == "assistant";
        },
        "the plan's answer is shown to whoever waits in the session");
    chat->type("/plan-status " + plan() + "\n");
    eventually(
        30s,
        [&] {
            return chat->out().find(": completed\"") != std::string::npos &&
                   chat->out().find("\"0 completed: ") != std::string::npos;
        },
        "the plan's state");
    chat->end_input();
    CHECK(chat->wait_or_fail().code == 0);
}

TEST_CASE("chat: at a terminal one types at a prompt and watches the answer arrive; Ctrl-D ends it") {
    TestDatabase database;
    add_people(database);
    const auto cli = quick_cli(database);
    const auto daemon = cli.start({});
    wait_until_ready(*daemon);
    Terminal terminal{{oiabd_path(), "chat", "-u", "ada", "-s", "s1"}, cli.environment};
    const auto shows = [&](const std::string& text) { return terminal.shown().find(text) != std::string::npos; };
    eventually(30s, [&] { return terminal.shown().ends_with("> "); }, "the prompt");
    CHECK(shows("[session s1 (new)]"));
    CHECK(shows("/help"));
    terminal.type("Which hotel is nearest\r");
    eventually(
        60s, [&] { return shows("You said: Which hotel is nearest") && terminal.shown().ends_with("> "); },
        "the answer, and the next prompt");
    terminal.type("/orchestrate Compare the two hotels and then write a recommendation\r");
    eventually(30s, [&] { return !database.value("SELECT id FROM orchestrator_plans").empty(); }, "the plan");
    const auto plan = database.value("SELECT id FROM orchestrator_plans");
    eventually(30s, [&] { return shows(plan); }, "the plan's id");
    eventually(60s, [&] { return database.value("SELECT status FROM orchestrator_plans") == "completed"; }, "its end");
    const auto before = terminal.shown().size();
    terminal.type("/plan-status " + plan + "\r");
    eventually(30s, [&] { return terminal.shown().find(": completed", before) != std::string::npos; }, "its state");
    terminal.type("\x04");
    INFO(terminal.shown());
    CHECK(terminal.wait() == 0);
}

TEST_CASE("chat: Ctrl-C at a terminal cancels the answer that is awaited, and the terminal goes on as before") {
    TestDatabase database;
    add_people(database);
    const Cli cli{database};
    Terminal terminal{{oiabd_path(), "chat", "-u", "ada", "-s", "s1"}, cli.environment};
    eventually(30s, [&] { return terminal.shown().ends_with("> "); }, "the prompt");
    terminal.type("hello\r");
    eventually(30s, [&] { return database.value("SELECT count(*) FROM jobs") == "1"; }, "the turn");
    terminal.type("\x03");
    eventually(30s, [&] { return database.value("SELECT status FROM jobs") == "failed"; }, "the turn is cancelled");
    eventually(30s, [&] { return terminal.shown().ends_with("> "); }, "the next prompt");
    CHECK(terminal.echoes());
    terminal.type("/quit\r");
    CHECK(terminal.wait() == 0);
}
