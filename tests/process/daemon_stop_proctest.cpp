#include <csignal>
#include <pqxx/pqxx>
#include <set>
#include <sstream>

#include "daemon.hpp"

using namespace oiab::tests;

namespace {

/// Server processes that stand still, as behind a frozen machine: their sockets stay open and nobody answers. They go
/// on when the object ends.
class FrozenBackends {
public:
    explicit FrozenBackends(TestDatabase& database) {
        std::istringstream pids{
            database.value("SELECT string_agg(pid::text, ' ') FROM pg_stat_activity WHERE application_name LIKE "
                           "'oiabd%' AND datname = "
                           "current_database()")};
        for (pid_t pid = 0; pids >> pid;) {
            REQUIRE(::kill(pid, SIGSTOP) == 0);
            pids_.insert(pid);
        }
    }
    FrozenBackends(const FrozenBackends&) = delete;
    FrozenBackends& operator=(const FrozenBackends&) = delete;
    ~FrozenBackends() {
        for (const auto pid : pids_) ::kill(pid, SIGCONT);
    }
    [[nodiscard]] std::size_t size() const { return pids_.size(); }

private:
    std::set<pid_t> pids_;
};

}  // namespace

TEST_CASE("stop: a server that hangs holds up no stop") {
    TestDatabase database;
    const auto cli = quick_cli(database);
    const auto daemon = cli.start({});
    wait_until_ready(*daemon);
    eventually(
        10s,
        [&] {
            return database.value(
                       "SELECT count(*) FROM pg_stat_activity WHERE application_name IN ('oiabd claim', 'oiabd "
                       "lease', 'oiabd janitor', 'oiabd listen') AND datname = current_database()") == "4";
        },
        "the services are connected");
    const FrozenBackends frozen{database};
    REQUIRE(frozen.size() >= 4);
    daemon->signal(SIGTERM);
    const auto ended = daemon->wait(40s);
    REQUIRE(ended);
    CHECK_FALSE(ended->killed);
}

TEST_CASE("stop: signals that come while outcomes are being written end nothing early") {
    TestDatabase database;
    const auto cli = quick_cli(database);
    const auto daemon = cli.start({});
    wait_until_ready(*daemon);
    const auto id = cli.enqueue({"noop", R"({"sleepMs": 200, "result": "done"})"});
    pqxx::connection other{database.url()};
    pqxx::work holder{other};
    eventually(10s, [&] { return count(database, "status = 'running'") == "1"; }, "the job runs");
    // Its outcome cannot be written while the row is held.
    holder.exec("SELECT FROM jobs WHERE id = '" + id + "' FOR UPDATE");
    daemon->signal(SIGTERM);
    eventually(
        20s, [&] { return daemon->err().find("writing the last outcomes") != std::string::npos; }, "the services end");
    for (int i = 0; i < 3; ++i) daemon->signal(SIGTERM);
    holder.abort();
    const auto ended = daemon->wait_or_fail();
    CHECK_FALSE(ended.killed);
    CHECK(ended.code == 0);
    CHECK(database.value("SELECT status || attempts FROM jobs") == "completed1");
}
