#include "plugin/executable.hpp"

#include <catch2/catch_test_macros.hpp>

#include "fake_attempt.hpp"

using namespace oiab;
using namespace oiab::plugin;
using namespace oiab::tests;
using nlohmann::json;

namespace {

std::shared_ptr<Handler> handler_of(ExecutableSettings settings) {
    auto handler = make_executable_handler(std::move(settings));
    REQUIRE(handler.has_value());
    return *handler;
}

/// A handler that runs the shell script.
std::shared_ptr<Handler> shell(std::string script) {
    ExecutableSettings settings;
    settings.command = {"/bin/sh", "-c", std::move(script)};
    return handler_of(std::move(settings));
}

std::string run_shell(std::string script) {
    FakeAttempt attempt;
    const auto handler = shell(std::move(script));
    return told(run_attempt(*handler, attempt));
}

std::string example() { return std::string{OIAB_SOURCE_DIR} + "/plugins/executable/line_report.py"; }

}  // namespace

TEST_CASE("executable: the example does its work, reports, enqueues and logs") {
    ExecutableSettings settings;
    settings.command = {example()};
    settings.environment = {{"PATH", "/usr/local/bin:/usr/bin:/bin"}};
    const auto handler = handler_of(settings);
    FakeAttempt attempt{json{{"text", "short\nmuch longer"}, {"then", "next-kind"}}.dump()};
    attempt.job_.tenant_id = core::TenantId::parse("00000000-0000-0000-0000-0000000000aa");
    const auto outcome = run_attempt(*handler, attempt);
    const auto* completed = std::get_if<core::Completed>(&outcome);
    REQUIRE(completed != nullptr);
    CHECK(json::parse(completed->result) == json{{"lines", 2}, {"longest", "much longer"}});
    REQUIRE(attempt.enqueued().size() == 1);
    const auto job = attempt.enqueued().front();
    CHECK(job.kind == "next-kind");
    CHECK(job.dedupe_key == "line-report:" + attempt.job_.id.to_string());
    CHECK(job.tenant_id == attempt.job_.tenant_id);
    CHECK(attempt.has_logged("attempt 1 of " + attempt.job_.id.to_string() + ": 2 lines"));

    FakeAttempt wrong{"[]"};
    CHECK(told(run_attempt(*handler, wrong)) == "failed(invalid_payload): the payload has no \"text\"");
}

TEST_CASE("executable: the job is on stdin and in the environment, and nothing else is") {
    FakeAttempt attempt{R"({"k": "v"})"};
    attempt.job_.attempt = 2;
    attempt.job_.serial_key = "lane";
    const auto handler = shell(R"sh(printf '{"type":"result","result":%s}\n' "$(cat)" >&3)sh");
    const auto outcome = run_attempt(*handler, attempt);
    REQUIRE(std::holds_alternative<core::Completed>(outcome));
    const json document = json::parse(std::get<core::Completed>(outcome).result);
    CHECK(document["id"] == attempt.job_.id.to_string());
    CHECK(document["payload"] == json{{"k", "v"}});
    CHECK(document["attempt"] == 2);
    CHECK(document["serialKey"] == "lane");
    CHECK(document["timeoutSeconds"].get<double>() > 0);

    ExecutableSettings settings;
    settings.command = {"env"};
    settings.environment = {{"GREETING", "hello"}};
    const auto lister = handler_of(settings);
    REQUIRE(told(run_attempt(*lister, attempt)) == "completed");
    CHECK(attempt.has_logged("GREETING=hello"));
    CHECK(attempt.has_logged("OIAB_JOB_ID=" + attempt.job_.id.to_string()));
    CHECK(attempt.has_logged("OIAB_ATTEMPT=2"));
    for (const auto& line : attempt.logged()) CHECK((line.starts_with("OIAB_") || line == "GREETING=hello"));
}

TEST_CASE("executable: it holds descriptors 0 to 3 and runs in its own process group, in its directory") {
    ExecutableSettings settings;
    settings.command = {"ls", "/proc/self/fd"};
    FakeAttempt attempt;
    CHECK(told(run_attempt(*handler_of(settings), attempt)) == "completed");
    CHECK(attempt.logged() == std::vector<std::string>{"0", "1", "2", "3", "4"});  // 4 is the folder that it lists

    settings.command = {"/bin/sh", "-c", "pwd; read -r line < /proc/$$/stat; set -- $line; test $5 = $$"};
    settings.directory = "/usr";
    FakeAttempt elsewhere;
    CHECK(told(run_attempt(*handler_of(settings), elsewhere)) == "completed");
    CHECK(elsewhere.logged() == std::vector<std::string>{"/usr"});
}

TEST_CASE("executable: the exit code decides") {
    CHECK(run_shell("exit 0") == "completed");
    CHECK(run_shell(R"(echo '{"type":"result","result":{"a":[1]}}' >&3)") == R"(completed {"a":[1]})");
    CHECK(run_shell("echo too busy; exit 75") == "retry: the program exited with code 75: too busy");
    CHECK(run_shell(R"(echo '{"type":"result","error":"later","afterSeconds":1.5}' >&3; exit 75)") ==
          "retry after 1500 ms: later");
    CHECK(run_shell("echo no use >&2; exit 65") == "failed(error): the program exited with code 65: no use");
    CHECK(run_shell(R"(echo '{"type":"result","error":"bad","reason":"invalid_payload"}' >&3; exit 65)") ==
          "failed(invalid_payload): bad");
    CHECK(run_shell("exit 1") == "retry: the program exited with code 1");
    CHECK(run_shell("exit 42") == "retry: the program exited with code 42");
}

TEST_CASE("executable: the last line counts even without its end") {
    CHECK(run_shell(R"(printf '{"type":"result","result":1}' >&3)") == "completed 1");
}

TEST_CASE("executable: a crash is a retry that names the signal") {
    CHECK(run_shell("kill -SEGV $$") == "retry: the program was killed by signal 11 (Segmentation fault)");
    CHECK(run_shell("kill -KILL $$") == "retry: the program was killed by signal 9 (Killed)");
}

TEST_CASE("executable: one that claims success and exits with 1 is not believed") {
    CHECK(run_shell(R"(echo '{"type":"result","result":{"ok":true}}' >&3; exit 1)") ==
          "retry: the program exited with code 1");
}

TEST_CASE("executable: messages that are none break the protocol") {
    for (const char* line :
         {"hello", "{", "[]", "42", "{}", R"({"type":7})", R"({"type":"unknown"})", R"({"type":"enqueue"})",
          R"({"type":"enqueue","job":{"kind":""}})", R"({"type":"enqueue","job":{"kind":"x","delaySeconds":-1}})",
          R"({"type":"enqueue","job":{"kind":"x","priority":"high"}})"}) {
        CHECK(run_shell("echo '" + std::string{line} + "' >&3; sleep 60")
                  .starts_with("retry: the program broke the protocol: "));
    }
    CHECK(run_shell(R"(echo '{"type":"result","error":7}' >&3; exit 75)") ==
          "retry: the program broke the protocol: in its result \"error\" is not a string");
}

TEST_CASE("executable: invalid UTF-8 and NUL in a result become replacement characters") {
    CHECK(run_shell(R"(printf '{"type":"result","result":"a\377b\\u0000c"}\n' >&3)") ==
          "completed \"a\xEF\xBF\xBD"
          "b\\ufffdc\"");
}

TEST_CASE("executable: a message that is nested without bound breaks the protocol and nothing else") {
    for (const char* levels : {"18000", "200000"}) {
        for (const char* member : {R"("type":"result","result")", R"("type":"progress","value")"}) {
            CHECK(run_shell("levels=" + std::string{levels} + "; member='" + member + R"sh('
                            brackets() { head -c $levels /dev/zero | tr '\0' "$1"; }
                            printf '{%s:%s1%s}\n' "$member" "$(brackets '[')" "$(brackets ']')" >&3; sleep 60)sh")
                      .starts_with("retry: the program broke the protocol: "));
        }
    }
}

TEST_CASE("executable: progress is stored, of a quick succession at least the last") {
    FakeAttempt attempt;
    const auto handler = shell(R"(for i in 1 2 3 4 5 6 7 8 9; do echo '{"type":"progress","value":'$i'}' >&3; done
                                  echo '{"type":"heartbeat"}' >&3)");
    CHECK(told(run_attempt(*handler, attempt)) == "completed");
    REQUIRE(!attempt.progressed().empty());
    CHECK(attempt.progressed().back() == 9);
    CHECK(attempt.progressed().size() <= 3);
    CHECK(attempt.heartbeats() == 10);
}

TEST_CASE("executable: a large job does not wait for a program that reads nothing") {
    FakeAttempt attempt{"\"" + std::string(20U << 20U, 'x') + "\""};
    const auto ignoring = shell("exit 0");
    CHECK(told(run_attempt(*ignoring, attempt)) == "completed");
    const auto counting = shell("test $(wc -c) -gt 20971520");
    CHECK(told(run_attempt(*counting, attempt)) == "completed");
}

TEST_CASE("executable: programs that cannot be run are refused at start, or cost an attempt later") {
    for (const char* program : {"/nonexistent/program", "no-such-program-anywhere", "/etc/passwd", "/usr"}) {
        ExecutableSettings settings;
        settings.command = {program};
        const auto handler = make_executable_handler(settings);
        REQUIRE_FALSE(handler.has_value());
        CHECK(handler.error() ==
              "the program " + std::string{program} + " of a handler does not exist or may not be executed");
    }
    CHECK_FALSE(make_executable_handler({}).has_value());
    ExecutableSettings settings;
    settings.command = {"/bin/true"};
    settings.directory = "/nonexistent";
    const auto handler = handler_of(settings);
    FakeAttempt attempt;
    CHECK(told(run_attempt(*handler, attempt)) ==
          "retry: the program exited with code 127: cannot enter the working directory: No such file or directory");
}

TEST_CASE("executable: a lost lease ends the program and passes through") {
    FakeAttempt attempt;
    attempt.lease_lost_ = true;
    const auto handler = shell(R"(echo '{"type":"enqueue","job":{"kind":"x"}}' >&3; sleep 600)");
    CHECK_THROWS_AS(run_attempt(*handler, attempt), LeaseLost);
    const auto reporting = shell(R"(echo '{"type":"progress","value":1}' >&3; sleep 600)");
    CHECK_THROWS_AS(run_attempt(*reporting, attempt), LeaseLost);
}
