/// @file  The listener: what it hears, that it comes back, and that it can be stopped.

#include "pg/listener.hpp"

#include <atomic>
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <future>
#include <mutex>

#include "silent_server.hpp"
#include "support/eventually.hpp"
#include "support/test_database.hpp"

using namespace oiab;
using namespace oiab::tests;
using namespace std::chrono_literals;

namespace {
/// Keeps the pauses that the listener announces.
class Pauses final : public observe::LogSink {
public:
    void write(observe::Level, std::string_view, std::span<const observe::Field> fields) noexcept override {
        const std::scoped_lock lock{mutex_};
        for (const auto& field : fields)
            if (field.key == "pause_ms") pauses_.push_back(std::get<std::int64_t>(field.value));
    }
    [[nodiscard]] std::vector<std::int64_t> all() const {
        const std::scoped_lock lock{mutex_};
        return pauses_;
    }

private:
    mutable std::mutex mutex_;
    std::vector<std::int64_t> pauses_;
};

struct Heard {
    std::atomic<int> listening = 0;
    std::atomic<int> notified = 0;
    std::atomic<int> failed = 0;
    std::shared_ptr<Pauses> pauses = std::make_shared<Pauses>();
    observe::Log log{observe::Level::kDebug, pauses};
    core::SystemRandom random{1};

    pg::Listener::Callbacks callbacks() {
        return {.notified = [this](std::string_view, std::string_view) { ++notified; },
                .listening = [this] { ++listening; },
                .failed = [this](const std::string&) { ++failed; }};
    }
};
}  // namespace

TEST_CASE("listener: comes back whenever its session is ended, each time after the first pause") {
    TestDatabase database;
    Heard heard;
    pg::Listener listener{database.settings("ear"), {"one", "two"}, heard.callbacks(), heard.random, heard.log};
    listener.start();
    for (int round = 1; round <= 3; ++round) {
        eventually(10s, [&] { return heard.listening == round; }, "it listens");
        CHECK(listener.cut_if_overstaying(0ms) == false);
        database.execute("NOTIFY one; NOTIFY two, 'x'");
        eventually(10s, [&] { return heard.notified == 2 * round; }, "both notifications are heard");
        if (round < 3)
            database.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'ear'");
    }
    listener.request_stop();
    listener.join();
    CHECK(heard.pauses->all() == std::vector<std::int64_t>{250, 250});
    CHECK(heard.failed == 0);
}

TEST_CASE("listener: can be stopped while the server answers nothing") {
    SilentServer server;
    Heard heard;
    // Without preparing there is no SET: LISTEN itself is what is not answered.
    const auto prepare = GENERATE(pg::Prepare::kAuto, pg::Prepare::kOff);
    pg::Listener listener{{.url = server.url(), .application_name = "ear", .prepare = prepare},
                          {"one"},
                          heard.callbacks(),
                          heard.random,
                          heard.log};
    listener.start();
    eventually(10s, [&] { return server.was_asked(); }, "its first statement is under way");
    listener.request_stop();
    const auto joined = std::async(std::launch::async, [&] { listener.join(); });
    CHECK(joined.wait_for(10s) == std::future_status::ready);
    server.hang_up();
    CHECK(heard.pauses->all().empty());
    CHECK(heard.failed == 0);
}
