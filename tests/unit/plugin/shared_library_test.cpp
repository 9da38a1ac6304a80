#include "plugin/shared_library.hpp"

#include <unistd.h>

#include <catch2/catch_test_macros.hpp>
#include <filesystem>
#include <fstream>

#include "fake_attempt.hpp"
#include "support/child_process.hpp"

using namespace oiab;
using namespace oiab::plugin;
using namespace oiab::tests;
using nlohmann::json;

namespace {

/// A folder of this process, removed with it.
struct Folder {
    Folder() { std::filesystem::create_directories(path); }
    ~Folder() { std::filesystem::remove_all(path); }
    std::filesystem::path path = std::filesystem::temp_directory_path() / ("oiab-plugins-" + std::to_string(getpid()));
};

/// Compiles C99 source against the public header, strictly, and gives the library's path.
std::string compiled(const Folder& folder, const std::string& name, const std::string& source) {
    const auto file = folder.path / (name + ".c");
    std::ofstream{file} << source;
    const std::string library = folder.path / (name + ".so");
    const auto compiler = run_child({"cc", "-std=c99", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-shared", "-fPIC",
                                     "-I", std::string{OIAB_SOURCE_DIR} + "/lib/include/oiab", "-o", library, file});
    INFO(compiler.err);
    REQUIRE(compiler.code == 0);
    return library;
}

/// A plugin in C whose handle function has this body.
std::string plugin_with(const std::string& body) {
    return "#include <oiab_plugin.h>\nuint32_t oiab_plugin_abi(void) { return OIAB_PLUGIN_ABI; }\n"
           "int oiab_plugin_handle(const oiab_job *job, const oiab_api *api, oiab_outcome *outcome) {\n"
           "    (void)job; (void)api; (void)outcome;\n" +
           body + "\n}\n";
}

std::string example() { return std::string{OIAB_BINARY_DIR} + "/plugins/word_count.so"; }

}  // namespace

TEST_CASE("library: the example counts, reports, enqueues and logs") {
    BlockingPool pool{2};
    const auto handler = load_library_handler(example(), pool);
    REQUIRE(handler.has_value());
    FakeAttempt attempt{json{{"texts", {"one two", "three"}}, {"then", "next-kind"}}.dump()};
    attempt.job_.user_id = core::UserId::parse("00000000-0000-0000-0000-0000000000bb");
    CHECK(told(run_attempt(**handler, attempt)) == R"(completed {"words":3})");
    REQUIRE(attempt.progressed().size() == 2);
    CHECK(attempt.progressed().back() == json{{"done", 2}, {"of", 2}});
    REQUIRE(attempt.enqueued().size() == 1);
    CHECK(attempt.enqueued()[0].kind == "next-kind");
    CHECK(attempt.enqueued()[0].payload == R"({"words":3})");
    CHECK(attempt.enqueued()[0].user_id == attempt.job_.user_id);
    CHECK(attempt.has_logged("counted 3 words"));

    FakeAttempt wrong{"{}"};
    CHECK(told(run_attempt(**handler, wrong)) == "failed(invalid_payload): the payload has no list \"texts\"");
}

TEST_CASE("library: another ABI version is refused, naming both") {
    const Folder folder;
    const std::string path =
        compiled(folder, "future",
                 "#include <oiab_plugin.h>\n"
                 "uint32_t oiab_plugin_abi(void) { return 99; }\n"
                 "int oiab_plugin_handle(const oiab_job *j, const oiab_api *a, oiab_outcome *o) {\n"
                 "    (void)j; (void)a; (void)o; return 0; }\n");
    BlockingPool pool{1};
    const auto handler = load_library_handler(path, pool);
    REQUIRE_FALSE(handler.has_value());
    CHECK(handler.error() ==
          "the plugin " + path + " is built for version 99 of the plugin ABI, but this oiabd has version 1");
}

TEST_CASE("library: what is no plugin is refused with a sentence") {
    const Folder folder;
    BlockingPool pool{1};
    const std::string none = compiled(folder, "none", "int nothing(void);\nint nothing(void) { return 0; }\n");
    CHECK(load_library_handler(none, pool).error() == none + " is no plugin: it has no function oiab_plugin_abi");
    CHECK(load_library_handler("/nonexistent.so", pool)
              .error()
              .starts_with("the plugin /nonexistent.so cannot be loaded: "));
    CHECK_FALSE(load_library_handler("/etc/passwd", pool).has_value());
}

TEST_CASE("library: a plugin in C names every outcome") {
    const Folder folder;
    BlockingPool pool{1};
    int number = 0;
    for (const auto& [body, wanted] : std::initializer_list<std::pair<std::string, std::string>>{
             {"outcome->kind = OIAB_COMPLETED; return 0;", "completed"},
             {"outcome->kind = OIAB_COMPLETED; api->set_text(outcome, job->payload); return 0;", "completed {}"},
             {"outcome->kind = OIAB_COMPLETED; api->set_text(outcome, \"{oops\"); return 0;",
              "retry: the plugin's result is not JSON"},
             {"outcome->after_ms = 250; api->set_text(outcome, \"later\"); return 0;", "retry after 250 ms: later"},
             {"outcome->kind = OIAB_FAILED; api->set_text(outcome, \"never\\n\\xff\"); return 0;",
              "failed(error): never \xEF\xBF\xBD"},
             {"outcome->kind = OIAB_INVALID_PAYLOAD; return 0;", "failed(invalid_payload): the plugin gave no reason"},
             {"outcome->kind = OIAB_SNOOZED; outcome->after_ms = 5; return 0;", "snoozed 5 ms"},
             {"outcome->kind = 77; return 0;", "retry: the plugin named an outcome that there is not: 77"},
             {"return 3;", "retry: the plugin returned 3"}}) {
        const auto handler =
            load_library_handler(compiled(folder, "c" + std::to_string(number++), plugin_with(body)), pool);
        REQUIRE(handler.has_value());
        FakeAttempt attempt;
        CHECK(told(run_attempt(**handler, attempt)) == wanted);
    }
}

TEST_CASE("library: malformed arguments are refused and do nothing") {
    const Folder folder;
    BlockingPool pool{1};
    const std::string path = compiled(folder, "malformed", plugin_with(R"(
        oiab_new_job none = {sizeof none, 0, 0, 0, 0, 0, 0, 0, 0};
        oiab_new_job garbled = {sizeof garbled, "kind", "{oops", 0, 0, 0, 0, 0, 0};
        int all = api->progress(api->context, "{oops") == OIAB_INVALID && api->progress(api->context, 0) == OIAB_INVALID
            && api->enqueue(api->context, &none, 0) == OIAB_INVALID && api->enqueue(api->context, &garbled, 0) == OIAB_INVALID
            && api->enqueue(api->context, 0, 0) == OIAB_INVALID && api->set_text(0, "x") == OIAB_INVALID;
        api->log(api->context, 99, 0);
        outcome->kind = all ? OIAB_COMPLETED : OIAB_FAILED;
        return 0;)"));
    const auto handler = load_library_handler(path, pool);
    FakeAttempt attempt;
    CHECK(told(run_attempt(**handler, attempt)) == "completed");
    CHECK(attempt.enqueued().empty());
    CHECK(attempt.progressed().empty());
}

TEST_CASE("library: enqueue tells the new job's id") {
    const Folder folder;
    BlockingPool pool{1};
    const std::string path = compiled(folder, "enqueuing", plugin_with(R"(
        char id[37];
        oiab_new_job next = {sizeof next, "next", "[1]", "key", "lane", 1500, 4, 2, 30};
        if (api->enqueue(api->context, &next, id) != OIAB_OK) return 1;
        outcome->kind = OIAB_FAILED;
        api->set_text(outcome, id);
        return 0;)"));
    const auto handler = load_library_handler(path, pool);
    FakeAttempt attempt;
    CHECK(told(run_attempt(**handler, attempt)) == "failed(error): 0192f0c1-7d3a-7000-8000-00000000beef");
    const auto job = attempt.enqueued().at(0);
    CHECK(job.payload == "[1]");
    CHECK(job.dedupe_key == "key");
    CHECK(job.serial_key == "lane");
    CHECK(job.delay == std::chrono::milliseconds{1500});
    CHECK(job.max_attempts == 4);
    CHECK(job.priority == 2);
    CHECK(job.timeout == std::chrono::seconds{30});
}

TEST_CASE("library: a lost lease is told to the plugin and passes through, whatever the plugin says") {
    const Folder folder;
    BlockingPool pool{1};
    const std::string path = compiled(folder, "losing", plugin_with(R"(
        if (api->progress(api->context, "1") != OIAB_LEASE_LOST) api->log(api->context, 0, "not told");
        outcome->kind = OIAB_COMPLETED;
        return 0;)"));
    const auto handler = load_library_handler(path, pool);
    FakeAttempt attempt;
    attempt.lease_lost_ = true;
    CHECK_THROWS_AS(run_attempt(**handler, attempt), LeaseLost);
    CHECK_FALSE(attempt.has_logged("not told"));
}

TEST_CASE("library: a plugin that works long learns that it is cancelled, and is waited for") {
    const Folder folder;
    BlockingPool pool{1};
    const std::string path = compiled(folder, "long", plugin_with(R"(
        api->log(api->context, OIAB_LOG_INFO, "ready");
        while (!api->cancelled(api->context)) api->heartbeat(api->context);
        api->set_text(outcome, "stopped");
        return 0;)"));
    const auto handler = load_library_handler(path, pool);
    FakeAttempt attempt;
    Stage stage;
    const auto running = stage.start(**handler, attempt);
    attempt.on_log_ = [&](const std::string&) { Stage::cancel(running, core::CancelReason::kShutdown); };
    stage.run();
    REQUIRE(running->outcome.has_value());
    CHECK(told(*running->outcome) == "retry: stopped");
}

TEST_CASE("library: as many attempts run at once as the pool has threads") {
    const Folder folder;
    BlockingPool pool{3};
    const std::string path = compiled(folder, "counting", plugin_with(R"(
        static volatile int inside = 0;
        static volatile int most = 0;
        int now = __sync_add_and_fetch(&inside, 1);
        while (now > most) __sync_val_compare_and_swap(&most, most, now);
        api->progress(api->context, "1");
        while (most < 3) api->heartbeat(api->context);
        __sync_sub_and_fetch(&inside, 1);
        outcome->kind = most == 3 ? OIAB_COMPLETED : OIAB_FAILED;
        return 0;)"));
    const auto handler = load_library_handler(path, pool);
    Stage stage;
    std::vector<std::unique_ptr<FakeAttempt>> attempts;
    std::vector<std::shared_ptr<Stage::Running>> running;
    for (int i = 0; i < 9; ++i) {
        attempts.push_back(std::make_unique<FakeAttempt>());
        running.push_back(stage.start(**handler, *attempts.back()));
    }
    stage.run();
    for (const auto& one : running) CHECK(told(*one->outcome) == "completed");
}
