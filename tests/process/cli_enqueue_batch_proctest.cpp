/// @file  `oiabd enqueue --batch`: JSON lines from stdin and from files.

#include <fstream>

#include "cli.hpp"
#include "support/temporary_directory.hpp"

using namespace oiab::tests;

namespace {

/// A thousand lines are several times what is read at once.
std::string lines_of(int count) {
    std::string lines;
    for (int n = 1; n <= count; ++n)
        lines += R"({"kind": "noop", "payload": {"n": )" + std::to_string(n) + R"(, "text": ")" +
                 std::string(200, 'x') + "\"}}\n";
    return lines;
}

struct BatchFixture {
    TestDatabase database;
    Cli cli{database};

    std::string count() { return database.value("SELECT count(*) FROM jobs"); }
};

}  // namespace

TEST_CASE_METHOD(BatchFixture, "enqueue --batch: every member of a line arrives, in its order and as it was written") {
    const auto finished = cli.run(
        {"enqueue", "--batch"},
        R"({"kind": "report", "payload": {"n": 12345678901234567890.10, "s": "} \" ,"}, "run_at": "2031-01-31T12:30:00+02:00", "dedupe_key": "d", "serial_key": "s\té", "priority": -5, "max_attempts": 7, "timeout": "90s", "tenant": "00000000-0000-0000-0000-000000000001", "user": "00000000-0000-0000-0000-000000000002"})"
        "\n"
        R"(  {"payload":[1,{"a":null}],"delay":"1min30s","kind":"mail","user":null}  )"
        "\r\n"
        R"({"kind":"bare"})");
    INFO(finished.err);
    CHECK(finished.code == 0);
    CHECK(finished.out == "3 enqueued, 0 already pending\n");
    CHECK(database.value(
              "SELECT concat_ws('|', kind, payload, dedupe_key, serial_key, priority, max_attempts, timeout_seconds, "
              "to_char(run_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI'), right(tenant_id::text, 1), "
              "right(user_id::text, 1)) FROM jobs WHERE kind = 'report'") ==
          "report|{\"n\": 12345678901234567890.10, \"s\": \"} \\\" ,\"}|d|s\té|-5|7|90|2031-01-31 10:30|1|2");
    CHECK(database.value("SELECT concat_ws('|', payload, run_at - created_at) FROM jobs WHERE kind = 'mail'") ==
          "[1, {\"a\": null}]|00:01:30");
    CHECK(database.value(
              "SELECT concat_ws('|', payload, priority, max_attempts, run_at = created_at) FROM jobs WHERE kind = "
              "'bare'") == "{}|0|3|t");
    CHECK(database.value("SELECT string_agg(kind, ' ' ORDER BY id) FROM jobs") == "report mail bare");
}

TEST_CASE_METHOD(BatchFixture, "enqueue --batch: skips pending keys as a single enqueue does, and says how many") {
    (void)cli.enqueue({"a", "--dedupe-key", "k"});
    const std::string lines =
        "{\"kind\":\"a\",\"dedupe_key\":\"k\"}\n{\"kind\":\"a\",\"dedupe_key\":\"l\"}\n{\"kind\":\"a\",\"dedupe_key\":"
        "\"l\"}\n";
    CHECK(json_of(cli.run({"enqueue", "--batch", "-", "--json"}, lines)) ==
          nlohmann::json{{"enqueued", 1}, {"already_pending", 2}});
    CHECK(count() == "2");
}

TEST_CASE_METHOD(BatchFixture, "enqueue --batch: reads a file of any number of lines, and nothing is no trouble") {
    TemporaryDirectory directory;
    const auto file = directory.path() + "/jobs.jsonl";
    std::ofstream{file} << lines_of(25'000);
    const auto finished = cli.run({"enqueue", "--batch", file});
    INFO(finished.err);
    CHECK(finished.code == 0);
    CHECK(finished.out == "25000 enqueued, 0 already pending\n");
    CHECK(database.value("SELECT sum((payload->>'n')::int) FROM jobs") == "312512500");
    CHECK(cli.run({"enqueue", "--batch"}).out == "0 enqueued, 0 already pending\n");
}

TEST_CASE_METHOD(BatchFixture, "enqueue --batch: a wrong line is named, and nothing of the batch stays") {
    const auto good = lines_of(2);
    const std::vector<std::pair<std::string, std::string>> wrong{
        {"", "line 3: it is empty"},
        {"{\"kind\": \"a\", \"payload\": {\"secret\": }}", "line 3: it is not JSON from column 37 on"},
        {"[]", "line 3: it is not a JSON object"},
        {"{}", "line 3: \"kind\" is missing"},
        {"{\"kind\": \"\"}", "line 3: \"kind\" must have 1 to 200 characters"},
        {"{\"kind\": \"a\", \"prio\": 1}", "line 3: \"prio\" is not a member of a job"},
        {"{\"kind\": \"a\", \"kind\": \"b\"}", "line 3: \"kind\" is there twice"},
        {"{\"kind\": \"a\", \"priority\": 32768}", "line 3: \"priority\" must be a whole number from -32768 to 32767"},
        {"{\"kind\": \"a\", \"max_attempts\": 18446744073709551615}",
         "line 3: \"max_attempts\" must be a whole number"},
        {"{\"kind\": \"a\", \"timeout\": 5}", "line 3: \"timeout\" must be a duration"},
        {"{\"kind\": \"a\", \"run_at\": \"soon\"}", "line 3: \"run_at\" must be a time"},
        {"{\"kind\": \"a\", \"tenant\": \"me\"}", "line 3: \"tenant\" must be a UUID"},
        {"{\"kind\": \"a\", \"serial_key\": \"a\\u0000b\"}", "line 3: \"serial_key\" must not contain a NUL"},
        {"{\"kind\": \"a\", \"delay\": \"1s\", \"run_at\": \"2031-01-31\"}", "line 3: \"run_at\""},
        {"{\"kind\": \"a\", \"payload\": \"\\u0000\"}",
         "line 3: the database says: unsupported Unicode escape sequence"}};
    for (const auto& [line, sentence] : wrong) {
        INFO(line);
        const auto finished = cli.run({"enqueue", "--batch"}, good + line + "\n" + good);
        check_sentence(finished, 2, sentence);
        CHECK(finished.err.ends_with("; nothing was enqueued\n"));
        CHECK(finished.err.find("secret") == std::string::npos);
        CHECK(count() == "0");
    }
}

TEST_CASE_METHOD(BatchFixture, "enqueue --batch --chunk: what was committed before a wrong line stays, and is told") {
    const auto finished = cli.run({"enqueue", "--batch", "--chunk", "2"}, lines_of(5) + "{}\n" + lines_of(9));
    check_sentence(finished, 2, "line 6: \"kind\" is missing; lines 1 to 4 are done (4 enqueued, 0 already pending)");
    CHECK(count() == "4");
    const auto refused =
        cli.run({"enqueue", "--batch", "--chunk", "2"}, lines_of(5) + "{\"kind\":\"a\",\"payload\":\"\\u0000\"}\n");
    check_sentence(refused, 2, "line 6: the database says: ");
    CHECK(cli.run({"enqueue", "--batch", "--chunk", "2"}, lines_of(5)).out == "5 enqueued, 0 already pending\n");
}

TEST_CASE_METHOD(BatchFixture,
                 "enqueue --batch: goes with nothing that a line says for itself, and needs a readable file") {
    check_sentence(cli.run({"enqueue", "--batch", "/no/such/file"}), 2, "cannot open the file: ");
    check_sentence(cli.run({"enqueue", "--batch", "/"}), 2, "cannot read line 1: ");
    for (const auto* option : {"--dedupe-key", "--delay", "--serial-key", "--tenant"})
        CHECK(cli.run({"enqueue", option, "5", "--batch", "-"}).code == 2);
    CHECK(cli.run({"enqueue", "noop", "--batch", "-"}).code == 2);
    CHECK(cli.run({"enqueue", "--wait", "--batch", "-"}).code == 2);
    CHECK(cli.run({"enqueue", "noop", "--chunk", "5"}).code == 2);
    CHECK(cli.run({"enqueue"}).err.find("KIND is required") != std::string::npos);
    CHECK(count() == "0");
}
