/// @file  A worker with the real engine, handlers and direct runtime, whose turns kill it where their payloads say so.
/// It is its own supervisor: a parent without threads that starts the next life when one has died.
///
///     crash_worker DATABASE_URL MODEL_URL TOOL_URL DIRECTORY SLOTS LEASE_MS
///
/// SIGTERM ends parent and life. No part of the product; never installed.

#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>

#include "agent/memory_tools.hpp"
#include "clients/http_client.hpp"
#include "counting_tool.hpp"
#include "crashing_attempt.hpp"
#include "handlers/agent_turn.hpp"
#include "handlers/builtin.hpp"
#include "observe/open_log.hpp"
#include "runtime/engine.hpp"
#include "runtime/wakeup.hpp"
#include "store/retention.hpp"

namespace {

using namespace oiab;
using namespace std::chrono_literals;

volatile std::sig_atomic_t told_to_end = 0;
void note_end(int) { told_to_end = 1; }

struct Arguments {
    std::string database_url;
    std::string model_url;
    std::string tool_url;
    std::string directory;
    std::size_t slots = 1;
    std::chrono::milliseconds lease{0};
};

runtime::EngineSettings engine_settings(const Arguments& arguments) {
    runtime::EngineSettings settings;
    settings.session.url = arguments.database_url;
    settings.session.application_name = "crash worker";
    settings.host = "crash-worker";
    settings.version = "test";
    settings.slots = arguments.slots;
    settings.threads = 2;
    settings.db_lanes = 2;
    settings.max_crashes = 1'000'000;  // crashing is what it is for
    settings.poll_interval = 100ms;
    settings.lease = arguments.lease;
    settings.drain_timeout = 5s;
    settings.cancel_grace = 2s;
    settings.purge_beside = [](pg::Transaction& tx, int batch) { return store::purge_expired(tx, batch).most(); };
    return settings;
}

int live(const Arguments& arguments) {
    core::SystemClock clock;
    core::SystemRandom random;
    const auto log = observe::open_log(observe::Level::kError, observe::LogFormat::kText);
    clients::HttpClientSettings plain;
    plain.proxy = "";
    clients::HttpClient http{plain};

    handlers::BuiltinSettings builtin;
    builtin.runtime = handlers::AgentRuntime::kDirect;
    builtin.learning = false;  // reflections would be jobs of another kind
    builtin.llm = {arguments.model_url, "", "billed-1"};
    const auto world = handlers::make_agent_world(builtin, http, clock);
    const agent::ToolList tools{
        std::make_shared<agent::MemoryAdd>(),
        std::make_shared<tests::CountingTool>(http, arguments.tool_url, clients::Repeat::kSafe),
        std::make_shared<tests::CountingTool>(http, arguments.tool_url, clients::Repeat::kUnsafe)};
    KindSettings kind;
    kind.retry.base = 20ms;
    Registry registry;
    const handlers::TurnRuntimes runtimes{"direct", {{"direct", {world, nullptr}}}};
    registry.add("agent-turn",
                 std::make_shared<tests::CrashingHandler>(std::make_shared<handlers::AgentTurn>(runtimes, tools),
                                                          arguments.directory),
                 kind);
    auto metrics = observe::Metrics::discarding();
    runtime::Engine engine{engine_settings(arguments), registry, clock, random, log, metrics};
    engine.start();
    runtime::Wakeup nobody;
    while (engine.stage() != runtime::Stage::kDone) {
        if (told_to_end != 0) {
            engine.request_stop();
            told_to_end = 0;
        }
        nobody.wait(core::Deadline::after(std::min(engine.tick(), 20ms)));
    }
    static_cast<void>(engine.shut_down());
    return 0;
}

/// What the parent waits for; blocked there, so that none is missed between two waits.
sigset_t awaited_signals() {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGCHLD);
    return set;
}

[[noreturn]] void begin_life(const Arguments& arguments, const sigset_t& awaited) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    sigprocmask(SIG_UNBLOCK, &awaited, nullptr);
    try {
        _exit(live(arguments));
    } catch (const std::exception& e) {
        std::fprintf(stderr, "crash_worker: %s\n", e.what());
        _exit(1);
    }
}

/// @returns how many lives there were, or -1 where one ended otherwise than by being killed or told to.
int supervise(const Arguments& arguments) {
    const sigset_t awaited = awaited_signals();
    sigprocmask(SIG_BLOCK, &awaited, nullptr);
    bool ending = false;
    for (int lives = 1;; ++lives) {
        const pid_t child = fork();
        if (child < 0) return -1;
        if (child == 0) begin_life(arguments, awaited);
        int status = 0;
        while (waitpid(child, &status, WNOHANG) != child) {
            int signal = 0;
            sigwait(&awaited, &signal);
            if (signal != SIGTERM) continue;
            ending = true;
            static_cast<void>(kill(child, SIGTERM));
        }
        if (WIFEXITED(status)) return WEXITSTATUS(status) == 0 ? lives : -1;
        if (ending) return lives;
    }
}

}  // namespace

int main(int count, char** values) {
    if (count != 7) {
        std::fprintf(stderr, "usage: crash_worker DATABASE_URL MODEL_URL TOOL_URL DIRECTORY SLOTS LEASE_MS\n");
        return 2;
    }
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    struct sigaction action{};
    action.sa_handler = note_end;
    sigaction(SIGTERM, &action, nullptr);
    const Arguments arguments{values[1],
                              values[2],
                              values[3],
                              values[4],
                              std::stoul(values[5]),
                              std::chrono::milliseconds{std::stol(values[6])}};
    const int lives = supervise(arguments);
    std::printf("%d\n", lives);
    return lives > 0 ? 0 : 1;
}
