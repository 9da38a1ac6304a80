/// @file  The leader names whoever keeps the vacuum from its work, and so does `oiabd workers`.

#include <csignal>

#include "daemon.hpp"

using namespace oiab::tests;

TEST_CASE("daemon: a transaction that holds an old snapshot is named, and when it is gone") {
    TestDatabase database;
    auto cli = quick_cli(database);
    cli.environment["OIABD_SNAPSHOT_WARNING"] = "1s";
    pqxx::connection reader{database.url() + " application_name=report"};
    const auto pid = std::to_string(reader.backendpid());
    const auto daemon = cli.start({});
    wait_until_ready(*daemon);
    const auto said = [&](std::string_view sentence) {
        const auto log = daemon->err();
        const auto at = log.find(sentence);
        return at != std::string::npos && log.find(pid, at) < log.find('\n', at);
    };
    {
        pqxx::transaction<pqxx::isolation_level::repeatable_read> snapshot{reader};
        (void)snapshot.exec("SELECT count(*) FROM jobs");
        eventually(
            60s, [&] { return said("an old snapshot keeps finished rows"); }, "the leader names the transaction");
        CHECK(daemon->err().find("report") != std::string::npos);
        const auto shown = cli.run({"workers"}).out;
        CHECK(shown.find("Old snapshot: session " + pid + " (postgres, report, idle in transaction)") !=
              std::string::npos);
    }
    eventually(60s, [&] { return said("the old snapshot is gone"); }, "the leader tells of its end");
    CHECK(cli.run({"workers"}).out.find("Old snapshot") == std::string::npos);
    daemon->signal(SIGTERM);
    CHECK(daemon->wait_or_fail().code == 0);
}
