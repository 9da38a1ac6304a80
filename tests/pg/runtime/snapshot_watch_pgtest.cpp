/// @file  When the leader speaks of old snapshots, and when it does not; and what its metrics show.

#include "runtime/snapshot_watch.hpp"

#include <catch2/catch_test_macros.hpp>
#include <fstream>
#include <iterator>
#include <mutex>
#include <pqxx/pqxx>
#include <vector>

#include "observe/metrics_file.hpp"
#include "pg/database_error.hpp"
#include "support/temporary_directory.hpp"
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
    observe::Metrics metrics;
    runtime::SnapshotWatch watch{10min, clock, log, metrics};

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

    /// The value that the metrics show behind this; empty where they show none.
    [[nodiscard]] std::string shown(const std::string& series) const {
        const auto text = "\n" + metrics.render();
        const auto at = text.find("\n" + series + " ");
        if (at == std::string::npos) return {};
        const auto begin = at + series.size() + 2;
        return text.substr(begin, text.find('\n', begin) - begin);
    }
    /// What the metrics tell the reader's session by.
    [[nodiscard]] std::string labels() {
        return R"({application="",holder="session",name=")" + pid + R"(",state="idle in transaction",user=")" +
               database.value("SELECT current_user") + R"("})";
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
    observe::Metrics untouched;
    runtime::SnapshotWatch off{0ms, clock, log, untouched};
    auto settings = database.settings();
    settings.url = "host=/nonexistent";
    pg::Session nowhere{settings};
    CHECK_NOTHROW(off.look_if_due(nowhere));
    CHECK(untouched.render().empty());
    CHECK_THROWS_AS(watch.look_if_due(nowhere), pg::DatabaseError);
}

TEST_CASE_METHOD(Watch, "snapshot watch: the metrics name the holder as long as it is in the way") {
    const TemporaryDirectory directory;
    const auto path = directory.path() + "/oiabd.prom";
    observe::MetricsFile file{path, metrics, log};
    const auto written = [&] {
        file.write();
        std::ifstream stream{path};
        return std::string{std::istreambuf_iterator<char>{stream}, {}};
    };
    auto snapshot = hold();
    CHECK(written().empty());
    CHECK(after(0s) == nothing);
    CHECK(shown("oiab_old_snapshots") == "0");
    CHECK(written().find(pid) == std::string::npos);
    CHECK(after(10min) == warned);
    CHECK(shown("oiab_old_snapshots") == "1");
    CHECK(shown("oiab_old_snapshot_held_seconds" + labels()) == "600");
    CHECK(std::stoi(shown("oiab_old_snapshot_held_transactions" + labels())) >= 3);
    CHECK(written() == metrics.render());
    CHECK(written().find("name=\"" + pid + "\"") != std::string::npos);
    database.execute("SELECT txid_current()");
    CHECK(after(1min) == nothing);
    CHECK(shown("oiab_old_snapshot_held_seconds" + labels()) == "660");
    CHECK(std::stoi(shown("oiab_old_snapshot_held_transactions" + labels())) >= 4);
    snapshot.reset();
    CHECK(after(1min) == gone);
    CHECK(shown("oiab_old_snapshots") == "0");
    CHECK(written().find(pid) == std::string::npos);
    CHECK(written().find("oiab_old_snapshot_held") == std::string::npos);
}

TEST_CASE_METHOD(Watch, "snapshot watch: the metrics name all old holders, the log the one that holds the most") {
    pqxx::connection other{database.url()};
    auto first = hold();
    Snapshot second{other};
    (void)second.exec("SELECT 1 FROM pg_class LIMIT 1");
    database.execute("SELECT txid_current()");
    database.execute("SELECT txid_current()");
    CHECK(after(0s) == nothing);
    CHECK(after(10min) == warned);
    CHECK(shown("oiab_old_snapshots") == "2");
    const auto text = metrics.render();
    CHECK(text.find("name=\"" + pid + "\"") != std::string::npos);
    CHECK(text.find("name=\"" + std::to_string(other.backendpid()) + "\"") != std::string::npos);
}

TEST_CASE_METHOD(Watch, "snapshot watch: names with quotes, backslashes and line feeds stay one line of the metrics") {
    const auto role = pqxx::connection{database.url()}.quote_name("odd \"\\\nuser");
    database.execute("CREATE ROLE " + role + " LOGIN");
    {
        pqxx::connection odd{database.url() + " user='odd \"\\\\\nuser' application_name='a \"b\\\\c\"'"};
        Snapshot snapshot{odd};
        (void)snapshot.exec("SELECT 1 FROM pg_class LIMIT 1");
        database.execute("SELECT txid_current()");
        database.execute("SELECT txid_current()");
        CHECK(after(0s) == nothing);
        CHECK(after(10min).size() == 1);
        CHECK(shown(R"(oiab_old_snapshot_held_seconds{application="a \"b\\c\"",holder="session",name=")" +
                    std::to_string(odd.backendpid()) + R"(",state="idle in transaction",user="odd \"\\\nuser"})") ==
              "600");
    }
    database.execute("DROP ROLE " + role);
}

TEST_CASE_METHOD(Watch, "snapshot watch: who does not lead shows no holders, and looks at once when it leads again") {
    auto snapshot = hold();
    CHECK(after(0s) == nothing);
    CHECK(after(10min) == warned);
    watch.forget_look();
    CHECK(metrics.render().empty());
    CHECK(after(0s) == nothing);
    CHECK(shown("oiab_old_snapshots") == "1");
    CHECK(shown("oiab_old_snapshot_held_seconds" + labels()) == "600");
}
