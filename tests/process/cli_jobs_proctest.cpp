#include <catch2/generators/catch_generators.hpp>

#include "cli.hpp"

using namespace oiab::tests;

TEST_CASE("enqueue: prints the id of a row that has everything that was asked for") {
    TestDatabase database;
    const Cli cli{database};
    const auto id =
        cli.enqueue({"report", R"({"month": "2026-01"})", "--run-at", "2031-01-31T12:30:00+02:00", "--dedupe-key", "d",
                     "--serial-key", "s", "--priority", "-5", "--max-attempts", "7", "--timeout", "90s"});
    CHECK(
        database.value("SELECT concat_ws('|', kind, payload->>'month', dedupe_key, serial_key, priority, max_attempts, "
                       "timeout_seconds, to_char(run_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI')) FROM jobs "
                       "WHERE id = $1",
                       pqxx::params{id}) == "report|2026-01|d|s|-5|7|90|2031-01-31 10:30");
}

TEST_CASE("enqueue: a key that is pending already is a no-op that says so") {
    TestDatabase database;
    const Cli cli{database};
    const auto id = cli.enqueue({"a", "--dedupe-key", "k"});
    const auto again = cli.run({"enqueue", "a", "--dedupe-key", "k"});
    CHECK(again.code == 0);
    CHECK(again.out == id + "\n");
    CHECK(again.err.find("nothing was enqueued") != std::string::npos);
    CHECK(json_of(cli.run({"enqueue", "a", "--dedupe-key", "k", "--json"})) ==
          nlohmann::json{{"id", id}, {"inserted", false}});
    CHECK(database.value("SELECT count(*) FROM jobs") == "1");
}

TEST_CASE("enqueue: what the server refuses for its data is a usage error, and nothing is inserted") {
    TestDatabase database;
    const Cli cli{database};
    const auto finished = cli.run({"enqueue", "noop", R"({"a": "\u0000"})"});
    check_sentence(finished, 2, "unsupported Unicode escape sequence");
    CHECK(database.value("SELECT count(*) FROM jobs") == "0");
}

TEST_CASE("enqueue: a payload of 50 MB arrives whole, and is shown cut") {
    TestDatabase database;
    const Cli cli{database};
    const std::string text(50'000'000, 'x');
    const auto finished = cli.run({"enqueue", "large", "-"}, "{\"text\": \"" + text + "\"}");
    INFO(finished.err);
    REQUIRE(finished.code == 0);
    CHECK(database.value("SELECT length(payload->>'text') FROM jobs") == "50000000");
    const auto id = finished.out.substr(0, 36);
    CHECK(cli.run({"jobs", "show", id}).out.size() < 10'000);
    CHECK(json_of(cli.run({"jobs", "show", id, "--json"}))["payload"]["text"].get<std::string>().size() == 50'000'000);
}

TEST_CASE("jobs list: newest first, filtered, page by page") {
    TestDatabase database;
    const Cli cli{database};
    const auto a = cli.enqueue({"a"});
    const auto b = cli.enqueue({"b"});
    const auto c = cli.enqueue({"a"});
    const auto ids = [&](std::vector<std::string> flags) {
        flags.insert(flags.begin(), {"jobs", "list", "--json"});
        std::vector<std::string> found;
        for (const auto& job : json_of(cli.run(flags))) found.push_back(job["id"]);
        return found;
    };
    CHECK(ids({}) == std::vector{c, b, a});
    CHECK(ids({"--kind", "a"}) == std::vector{c, a});
    CHECK(ids({"--limit", "1"}) == std::vector{c});
    CHECK(ids({"--before", c, "--limit", "1"}) == std::vector{b});
    CHECK(ids({"--status", "failed"}).empty());
    const auto table = cli.run({"jobs", "list"});
    CHECK(table.out.starts_with("ID "));
    CHECK(table.out.find(b) != std::string::npos);
}

TEST_CASE("jobs list: what a row contains cannot command the terminal") {
    TestDatabase database;
    database.execute("INSERT INTO jobs (kind) VALUES (E'evil\\x1b[2J\\u009b2Jkind')");
    const auto table = Cli{database}.run({"jobs", "list"});
    CHECK(table.out.find('\x1b') == std::string::npos);
    CHECK(table.out.find("\xc2\x9b") == std::string::npos);
    CHECK(table.out.find("evil") != std::string::npos);
}

TEST_CASE("jobs: cancel, retry and delete one after the other, with an answer for each") {
    TestDatabase database;
    const Cli cli{database};
    const auto id = cli.enqueue({"a"});
    const auto answer = [&](const char* verb) {
        const auto finished = cli.run({"jobs", verb, id, "--json"});
        return std::pair{finished.code, json_of(finished)[0]["answer"].get<std::string>()};
    };
    CHECK(answer("retry") == std::pair{0, std::string{"pending"}});
    CHECK(answer("cancel") == std::pair{0, std::string{"cancelled"}});
    CHECK(answer("cancel") == std::pair{3, std::string{"final"}});
    CHECK(database.value("SELECT status || ' ' || failure_reason FROM jobs") == "failed cancelled");
    CHECK(answer("retry") == std::pair{0, std::string{"pending"}});
    CHECK(answer("delete") == std::pair{0, std::string{"deleted"}});
    CHECK(answer("delete") == std::pair{3, std::string{"not_found"}});
    check_sentence(cli.run({"jobs", "show", id}), 3, "there is no job " + id);
    check_sentence(cli.run({"jobs", "why", id}), 3, "there is no job " + id);
}

TEST_CASE("jobs: of several ids each is tried, and one that is missing decides the exit code") {
    TestDatabase database;
    const Cli cli{database};
    const auto a = cli.enqueue({"a"});
    const auto b = cli.enqueue({"a"});
    const auto finished = cli.run({"jobs", "cancel", a, "01980f4e-7f0e-7bfc-8d8e-000000000000", b});
    CHECK(finished.code == 3);
    CHECK(database.value("SELECT count(*) FROM jobs WHERE status = 'failed'") == "2");
}

TEST_CASE("jobs retry: a newer pending job with the same key stays, and is named") {
    TestDatabase database;
    const Cli cli{database};
    const auto older = cli.enqueue({"a", "--dedupe-key", "k"});
    REQUIRE(cli.run({"jobs", "cancel", older}).code == 0);
    const auto newer = cli.enqueue({"a", "--dedupe-key", "k"});
    check_sentence(cli.run({"jobs", "retry", older}), 3, newer);
}

TEST_CASE("jobs why: says what stands between a job and its start") {
    TestDatabase database;
    const Cli cli{database};
    const auto later = cli.enqueue({"a", "--delay", "1h"});
    CHECK(cli.run({"jobs", "why", later}).out.find("not due until") != std::string::npos);
    const auto paused = cli.enqueue({"b"});
    REQUIRE(cli.run({"pause", "--kind", "b"}).code == 0);
    const auto why = json_of(cli.run({"jobs", "why", paused, "--json"}));
    CHECK(why["status"] == "pending");
    CHECK(why["why"].get<std::string>().find("paused") != std::string::npos);
}

TEST_CASE("jobs resolve: a person decides about an unknown step") {
    TestDatabase database;
    const Cli cli{database};
    const auto id = cli.enqueue({"a"});
    database.execute(
        "INSERT INTO job_steps (job_id, name, status, attempt, lease_epoch, input_hash, finished_at) "
        "VALUES ($1, 'pay', 'unknown', 1, 1, repeat('0', 64), now())",
        pqxx::params{id});
    check_sentence(cli.run({"jobs", "resolve", id, "--step", "pya", "--repeat"}), 3, "has no step \"pya\"");
    check_sentence(cli.run({"jobs", "resolve", id, "--step", "pay", "--done", "{"}), 2, "is not JSON");
    const auto show = cli.run({"jobs", "show", id});
    CHECK(show.out.find("unknown") != std::string::npos);
    const auto done = cli.run({"jobs", "resolve", id, "--step", "pay", "--done", R"({"receipt": 7})"});
    INFO(done.err);
    CHECK(done.code == 0);
    CHECK(database.value("SELECT status || (result->>'receipt') FROM job_steps") == "done7");
    CHECK(cli.run({"jobs", "resolve", id, "--step", "pay", "--repeat"}).code == 3);
}

TEST_CASE("pause and resume: each says what it changed, and nothing to do is 3") {
    TestDatabase database;
    const Cli cli{database};
    CHECK(cli.run({"pause"}).out.starts_with("Nothing is paused."));
    CHECK(cli.run({"pause", "--kind", "a", "--reason", "the \"mail\" moves"}).out == "kind a is paused\n");
    CHECK(cli.run({"pause", "--kind", "a"}).code == 3);
    const auto list = json_of(cli.run({"pause", "--json"}));
    REQUIRE(list.size() == 1);
    CHECK(list[0]["scope"] == "kind");
    CHECK(list[0]["name"] == "a");
    CHECK(cli.run({"pause", "--all"}).code == 0);
    CHECK(cli.run({"pause", "--tenant", "01980f4e-7f0e-7bfc-8d8e-000000000000"}).code == 0);
    CHECK(cli.run({"resume", "--all"}).code == 0);
    CHECK(cli.run({"resume", "--tenant", "01980f4e-7f0e-7bfc-8d8e-000000000000"}).code == 0);
    CHECK(cli.run({"resume", "--kind", "a"}).code == 0);
    CHECK(cli.run({"resume", "--kind", "a"}).code == 3);
    CHECK(database.value("SELECT count(*) FROM job_pauses") == "0");
}
