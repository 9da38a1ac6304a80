// Handlers that others write, brought along by configuration: the examples at work, and programs that behave badly.
#include <catch2/catch_test_macros.hpp>
#include <csignal>

#include "daemon.hpp"
#include "support/greeter.hpp"
#include "support/temporary_directory.hpp"

using namespace std::chrono_literals;
using namespace oiab::tests;

namespace {

/// The daemon with a configuration file of the test's own.
struct Daemon {
    explicit Daemon(const std::string& configuration) {
        cli.environment["OIABD_CONFIG"] = directory.write("oiabd.toml", configuration);
        process = cli.start({});
        wait_until_ready(*process);
    }

    /// Runs one job with a single attempt. @returns "completed {…}" or "failed reason: error".
    std::string run(const std::string& kind, const std::string& payload) {
        const auto id = cli.enqueue({kind, payload, "--max-attempts", "1"});
        const auto told = [&](const std::string& expression) {
            return database.value("SELECT " + expression + " FROM jobs WHERE id = $1", pqxx::params{id});
        };
        eventually(60s, [&] { return told("finished_at IS NOT NULL") == "t"; }, "the job of " + kind + " is final");
        return told("status || ' ' || coalesce(failure_reason || ': ' || last_error, result::text)");
    }
    int stop() {
        process->signal(SIGTERM);
        return process->wait_or_fail().code;
    }

    TemporaryDirectory directory;
    TestDatabase database;
    Cli cli = quick_cli(database);
    std::unique_ptr<ChildProcess> process;
};

std::string python_handler(const std::string& kind, const std::string& script) {
    return "[handlers.\"" + kind + "\"]\nexec = [\"python3\", \"-c\", '''" + script + "''']\n";
}

}  // namespace

TEST_CASE("plugins: the daemon runs the examples of all three ways") {
    const TemporaryDirectory sockets;
    const Greeter on_tcp{"127.0.0.1:0"};
    const Greeter on_socket{sockets.path() + "/greeter.sock"};
    const std::string source = OIAB_SOURCE_DIR;
    const std::string build = OIAB_BINARY_DIR;
    Daemon daemon{"[handlers.\"word-count\"]\nlibrary = \"" + build + "/plugins/word_count.so\"\n" +
                  "[handlers.\"line-*\"]\nexec = [\"" + source + "/plugins/executable/line_report.py\"]\n" +
                  "env = [\"PATH\"]\n" + "[handlers.\"greet\"]\nhttp = \"http://" + on_tcp.address() + "/\"\n" +
                  "[handlers.\"greet-local\"]\nhttp = \"http://localhost/\"\n" + "unix_socket = \"" +
                  on_socket.address() + "\"\n"};
    CHECK(daemon.run("word-count", R"({"texts": ["one two", "three"]})") == R"(completed {"words": 3})");
    CHECK(daemon.run("word-count", "{}") == "failed invalid_payload: the payload has no list \"texts\"");
    CHECK(daemon.run("line-report", R"({"text": "short\nmuch longer", "then": "word-count"})") ==
          R"(completed {"lines": 2, "longest": "much longer"})");
    CHECK(daemon.database.value("SELECT payload FROM jobs WHERE dedupe_key LIKE 'line-report:%'") ==
          R"({"longest": "much longer"})");
    for (const char* kind : {"greet", "greet-local"}) {
        CHECK(daemon.run(kind, R"({"name": "Ada"})") == R"(completed {"greeting": "Good day, Ada."})");
        CHECK(daemon.run(kind, "{}") == "failed error: the endpoint answered 422: the payload has no \"name\"");
    }
    CHECK(daemon.stop() == 0);
}

TEST_CASE("plugins: an answer that is nested without bound fails its job and leaves the daemon alone") {
    Daemon daemon{python_handler("deep", R"(
import json, os, sys
levels = json.load(sys.stdin)["payload"]["levels"]
with os.fdopen(3, "wb") as messages:
    messages.write(b'{"type":"result","result":' + b"[" * levels + b"]" * levels + b"}\n")
)")};
    for (const char* levels : {"18000", "200000"}) {
        CHECK(daemon.run("deep", R"({"levels": )" + std::string{levels} + "}")
                  .starts_with("failed error: the program broke the protocol: "));
    }
    CHECK(daemon.run("deep", R"({"levels": 500})").starts_with("completed [[["));
    CHECK(daemon.stop() == 0);
}

TEST_CASE("plugins: a program that leaves its process group ends with its time") {
    Daemon daemon{python_handler("runaway", R"(
import os, time
os.setpgid(0, os.getpgid(os.getppid()))
time.sleep(600)
)") + "timeout = \"1s\"\n"};
    CHECK(daemon.run("runaway", "{}").starts_with("failed timeout: "));
    CHECK(daemon.stop() == 0);
}
