// Programs that hang, flood and leave children behind harm nothing but their own job.
#include <atomic>
#include <catch2/catch_test_macros.hpp>
#include <charconv>
#include <fstream>
#include <future>
#include <thread>

#include "fake_attempt.hpp"
#include "plugin/executable.hpp"
#include "support/eventually.hpp"

using namespace oiab;
using namespace oiab::plugin;
using namespace oiab::tests;
using namespace std::chrono_literals;
using nlohmann::json;

namespace {

std::shared_ptr<Handler> shell(std::string script, std::chrono::milliseconds grace = 10s) {
    ExecutableSettings settings;
    settings.command = {"/bin/sh", "-c", std::move(script)};
    settings.environment = {{"PATH", "/usr/bin:/bin"}};
    settings.cancel_grace = grace;
    settings.max_output = 64U << 10U;
    auto handler = make_executable_handler(std::move(settings));
    REQUIRE(handler.has_value());
    return *handler;
}

/// Whether the process runs; one that only waits to be reaped does not.
bool is_alive(int pid) {
    std::ifstream stat{"/proc/" + std::to_string(pid) + "/stat"};
    std::string text;
    if (!std::getline(stat, text)) return false;
    const auto end = text.rfind(')');
    return end != std::string::npos && text.size() > end + 2 && text[end + 2] != 'Z' && text[end + 2] != 'X';
}

/// The number behind a word in the attempt's log ("child 123").
int logged_number(const FakeAttempt& attempt, std::string_view word) {
    for (const auto& line : attempt.logged()) {
        if (!line.starts_with(word)) continue;
        int number = 0;
        std::from_chars(line.data() + word.size() + 1, line.data() + line.size(), number);
        return number;
    }
    return 0;
}

/// Runs the script and cancels it as soon as it has logged "ready".
core::Outcome run_and_cancel(Handler& handler, FakeAttempt& attempt) {
    Stage stage;
    const auto running = stage.start(handler, attempt);
    attempt.on_log_ = [&](const std::string& line) {
        if (line == "ready") Stage::cancel(running, core::CancelReason::kUser);
    };
    stage.run();
    REQUIRE_FALSE(running->failure);
    return *running->outcome;
}

}  // namespace

TEST_CASE("executable: a cancelled program gets SIGTERM and may end by itself") {
    FakeAttempt attempt;
    const auto handler = shell("trap 'echo cleaning up; exit 75' TERM; echo ready; while :; do sleep 0.01; done");
    CHECK(told(run_and_cancel(*handler, attempt)) == "retry: the program exited with code 75: cleaning up");
}

TEST_CASE("executable: one that completes although it was told to stop has completed") {
    FakeAttempt attempt;
    const auto handler = shell(R"(trap 'echo "{\"type\":\"result\",\"result\":1}" >&3; exit 0' TERM; echo ready
                                  while :; do sleep 0.01; done)");
    CHECK(told(run_and_cancel(*handler, attempt)) == "completed 1");
}

TEST_CASE("executable: what it asked to enqueue is enqueued once, though a cancellation comes in the middle") {
    FakeAttempt attempt;
    const auto handler = shell(R"sh(job() { echo '{"type":"enqueue","job":{"kind":"'$1'"}}'; }
                                    trap 'job last >&3; exit 0' TERM
                                    { job one; job two; job three; } | cat >&3
                                    while :; do sleep 0.01; done)sh");
    Stage stage;
    const auto running = stage.start(*handler, attempt);
    attempt.on_enqueue_ = [&](const core::NewJob& job) {
        if (job.kind == "one") Stage::cancel(running, core::CancelReason::kUser);
    };
    stage.run();
    REQUIRE(running->outcome);
    CHECK(told(*running->outcome) == "completed");
    std::string kinds;
    for (const auto& job : attempt.enqueued()) kinds += job.kind + " ";
    CHECK(kinds == "one two three last ");
}

TEST_CASE("executable: a cancellation in the instant in which it ends takes nothing back") {
    // A second progress within half a second waits for the end, so that the cancellation comes after it.
    FakeAttempt attempt;
    const auto handler = shell(R"sh(echo '{"type":"progress","value":1}' >&3; sleep 0.05
                                    printf '{"type":"progress","value":2}\n{"type":"result","result":1}\n' >&3)sh");
    Stage stage;
    const auto running = stage.start(*handler, attempt);
    attempt.on_progress_ = [&] {
        if (attempt.progressed().back() == 2) running->signal.emit(boost::asio::cancellation_type::terminal);
    };
    stage.run();
    REQUIRE(running->outcome);
    CHECK(told(*running->outcome) == "completed 1");
}

TEST_CASE("executable: a program that leaves its process group is reached all the same") {
    FakeAttempt attempt;
    const auto handler = shell(R"sh(exec python3 -c 'import os, time
os.setpgid(0, os.getpgid(os.getppid()))
print("ready", flush=True)
time.sleep(60)')sh");
    CHECK(told(run_and_cancel(*handler, attempt)) == "retry: the program was killed by signal 15 (Terminated)");
}

TEST_CASE("executable: one that ignores SIGTERM is killed after the grace, with its children") {
    FakeAttempt attempt;
    const auto handler =
        shell("trap '' TERM; sleep 600 & echo child $!; echo ready; while :; do sleep 600; done", 100ms);
    CHECK(told(run_and_cancel(*handler, attempt)) == "retry: the program was killed by signal 9 (Killed)");
    const int child = logged_number(attempt, "child");
    REQUIRE(child > 0);
    eventually(10s, [&] { return !is_alive(child); }, "the program's child has ended");
}

TEST_CASE("executable: children that hold its pipes open neither delay the end nor survive it") {
    FakeAttempt attempt;
    const auto handler = shell("sleep 600 & echo child $!; exit 0");
    CHECK(told(run_attempt(*handler, attempt)) == "completed");
    const int child = logged_number(attempt, "child");
    REQUIRE(child > 0);
    eventually(10s, [&] { return !is_alive(child); }, "the program's child has ended");
}

TEST_CASE("executable: a handler that is destroyed with its attempt under way leaves no program behind") {
    FakeAttempt attempt;
    const auto handler = shell("echo pid $$; echo ready; exec sleep 600");
    {
        boost::asio::io_context context;
        attempt.on_log_ = [&](const std::string& line) {
            if (line == "ready") context.stop();
        };
        boost::asio::co_spawn(context, handler->run(attempt), [](std::exception_ptr, core::Outcome) {});
        context.run();
    }
    const int pid = logged_number(attempt, "pid");
    REQUIRE(pid > 0);
    eventually(10s, [&] { return !is_alive(pid); }, "the program has ended");
}

TEST_CASE("executable: a line without end on descriptor 3 ends the attempt") {
    FakeAttempt attempt;
    const auto handler = shell("exec cat /dev/zero >&3");
    CHECK(told(run_attempt(*handler, attempt)) ==
          "retry: the program broke the protocol: it wrote a line of more than 65536 bytes on descriptor 3");
}

TEST_CASE("executable: a flood of well-formed messages ends the attempt and costs little") {
    FakeAttempt attempt;
    const auto handler = shell(R"sh(exec yes "$(printf '{"type":"progress","value":"%05000d"}' 1)" >&3)sh");
    CHECK(told(run_attempt(*handler, attempt)) == "retry: the program broke the protocol: it flooded descriptor 3");
    CHECK(attempt.progressed().size() < 200);
}

TEST_CASE("executable: a flood of jobs to enqueue ends the attempt") {
    FakeAttempt attempt;
    const auto handler = shell(R"(exec yes '{"type":"enqueue","job":{"kind":"x"}}' >&3)");
    CHECK(told(run_attempt(*handler, attempt)) ==
          "retry: the program broke the protocol: it asked to enqueue more than 1000 jobs");
    CHECK(attempt.enqueued().size() <= 1000);
}

TEST_CASE("executable: floods on stdout and stderr are logged within bounds, and other jobs go on beside them") {
    Stage stage;
    const auto on_stdout = shell("exec yes 'a line on stdout'");
    const auto on_stderr = shell("exec yes 'a line on stderr' >&2");
    const auto endless = shell("exec cat /dev/zero");
    const auto honest = shell(R"(sleep 0.2; echo '{"type":"result","result":"done"}' >&3)");
    FakeAttempt flooding_stdout;
    FakeAttempt flooding_stderr;
    FakeAttempt flooding_endless;
    FakeAttempt well_behaved;
    const std::vector floods{stage.start(*on_stdout, flooding_stdout), stage.start(*on_stderr, flooding_stderr),
                             stage.start(*endless, flooding_endless)};
    const auto beside = stage.start(*honest, well_behaved);
    // The floods have no end of their own; they are cancelled once the honest job has completed.
    std::jthread watching{[&](const std::stop_token& stop) {
        std::atomic<bool> done = false;
        while (!done && !stop.stop_requested()) {
            std::promise<bool> asked;
            boost::asio::post(beside->strand, [&] { asked.set_value(beside->outcome.has_value()); });
            done = asked.get_future().get();
        }
        for (const auto& flood : floods) Stage::cancel(flood, core::CancelReason::kDeadline);
    }};
    stage.run();
    CHECK(told(*beside->outcome) == "completed \"done\"");
    for (const auto& flood : floods)
        CHECK(told(*flood->outcome).starts_with("retry: the program was killed by signal 15"));
    CHECK(flooding_stdout.logged().size() <= 1003);
    CHECK(flooding_stdout.has_logged("further output is not logged"));
    CHECK(flooding_stderr.has_logged("the rest of the program's output is thrown away"));
    CHECK(flooding_endless.has_logged("too long to be logged"));
}

TEST_CASE("executable: many programs at once are followed on one thread") {
    Stage stage;
    const auto handler = shell(R"(echo '{"type":"result","result":'$OIAB_ATTEMPT'}' >&3)");
    std::vector<std::unique_ptr<FakeAttempt>> attempts;
    std::vector<std::shared_ptr<Stage::Running>> running;
    for (int i = 0; i < 40; ++i) {
        attempts.push_back(std::make_unique<FakeAttempt>());
        attempts.back()->job_.attempt = i;
        running.push_back(stage.start(*handler, *attempts.back()));
    }
    stage.run();
    for (int i = 0; i < 40; ++i) {
        CHECK(told(*running[static_cast<std::size_t>(i)]->outcome) == "completed " + std::to_string(i));
    }
}
