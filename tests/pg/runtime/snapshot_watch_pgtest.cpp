/// @file  When the leader speaks of old snapshots, and when it does not.

#include "runtime/snapshot_watch.hpp"

#include <catch2/catch_test_macros.hpp>
#include <mutex>
#include <pqxx/pqxx>
#include <vector>

#include "pg/database_error.hpp"
#include "support/test_database.hpp"

using namespace oiab;
using namespace oiab::tests;
using namespace std::chrono_literals;

namespace {

/// Stands still until it is moved.
class HandClock final : public core::Clock {
public:
    [[nodiscard]] core::SteadyTime now() const noexcept override { return now_; }
    [[nodiscard]] core::WallTime wall_now() const noexcept override { return {}; }
    void pass(std::chrono::milliseconds time) { now_ += time; }

private:
    core::SteadyTime now_ = core::SteadyTime{} + 1h;
};

/// The lines as "message name".
class Lines final : public observe::LogSink {
public:
    void write(observe::Level, std::string_view message, std::span<const observe::Field> fields) noexcept override {
        std::string line{message};
        for (const auto& field : fields)
            if (field.key == "name") line += " " + std::string{std::get<std::string_view>(field.value)};
        lines_.push_back(std::move(line));
    }
    [[nodiscard]] std::vector<std::string> take() { return std::exchange(lines_, {}); }

private:
    std::vector<std::string> lines_;
};

struct Watch {
    TestDatabase database{Content::kEmpty};
    pg::Session session{database.settings("watch")};
    HandClock clock;
    std::shared_ptr<Lines> lines = std::make_shared<Lines>();
    observe::Log log{observe::Level::kInfo, lines};
    runtime::SnapshotWatch watch{10min, clock, log};

    pqxx::connection reader{database.url()};
    std::string pid = std::to_string(reader.backendpid());

    using Snapshot = pqxx::transaction<pqxx::isolation_level::repeatable_read>;
    [[nodiscard]] std::unique_ptr<Snapshot> hold() {
        auto snapshot = std::make_unique<Snapshot>(reader);
        (void)snapshot->exec("SELECT 1 FROM pg_class LIMIT 1");
        for (int i = 0; i < 3; ++i) database.execute("SELECT txid_current()");
        return snapshot;
    }
    /// What is said when the watch looks after so much more time.
    [[nodiscard]] std::vector<std::string> after(std::chrono::milliseconds time) {
        clock.pass(time);
        watch.look_if_due(session);
        return lines->take();
    }

    using Said = std::vector<std::string>;
    Said nothing{};
    Said warned{"an old snapshot keeps finished rows from being vacuumed away " + pid};
    Said gone{"the old snapshot is gone " + pid};
};

}  // namespace

TEST_CASE_METHOD(Watch, "snapshot watch: names the holder once it is old, every ten minutes, and when it is gone") {
    auto snapshot = hold();
    CHECK(after(0s) == nothing);
    CHECK(after(9min) == nothing);
    CHECK_FALSE(watch.oldest());
    CHECK(after(1min) == warned);
    REQUIRE(watch.oldest());
    CHECK(watch.oldest()->holder.name == pid);
    CHECK(watch.oldest()->held == 10min);
    CHECK(after(1min) == nothing);
    CHECK(after(8min) == nothing);
    CHECK(after(1min) == warned);
    snapshot.reset();
    CHECK(after(1min) == gone);
    CHECK_FALSE(watch.oldest());
    CHECK(after(1min) == nothing);
}

TEST_CASE_METHOD(Watch, "snapshot watch: looks once a minute") {
    auto snapshot = hold();
    CHECK(after(0s) == nothing);
    CHECK(after(10min) == warned);
    snapshot.reset();
    CHECK(after(59s) == nothing);
    CHECK(after(1s) == gone);
}

TEST_CASE_METHOD(Watch, "snapshot watch: a session that looks anew all the time is in nobody's way") {
    auto snapshot = hold();
    for (int i = 0; i < 6; ++i) {
        CHECK(after(9min) == nothing);
        snapshot.reset();
        snapshot = hold();
    }
}

TEST_CASE_METHOD(Watch, "snapshot watch: what became old after another one is told of when that is gone") {
    pqxx::connection other{database.url()};
    auto first = hold();
    Snapshot second{other};
    (void)second.exec("SELECT 1 FROM pg_class LIMIT 1");
    database.execute("SELECT txid_current()");
    database.execute("SELECT txid_current()");
    CHECK(after(0s) == nothing);
    CHECK(after(10min) == warned);
    CHECK(after(1min) == nothing);
    first.reset();
    CHECK(after(1min) == Said{gone[0], "an old snapshot keeps finished rows from being vacuumed away " +
                                           std::to_string(other.backendpid())});
}

TEST_CASE_METHOD(Watch, "snapshot watch: with a threshold of zero the database is not asked") {
    runtime::SnapshotWatch off{0ms, clock, log};
    auto settings = database.settings();
    settings.url = "host=/nonexistent";
    pg::Session nowhere{settings};
    CHECK_NOTHROW(off.look_if_due(nowhere));
    CHECK_THROWS_AS(watch.look_if_due(nowhere), pg::DatabaseError);
}
