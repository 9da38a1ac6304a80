/// @file  The leader names whoever keeps the vacuum from its work, in its log and its metrics; so does `oiabd workers`.

#include <csignal>
#include <fstream>
#include <iterator>

#include "daemon.hpp"
#include "support/temporary_directory.hpp"

using namespace oiab::tests;

TEST_CASE("daemon: a transaction that holds an old snapshot is named, and when it is gone") {
    TestDatabase database;
    auto cli = quick_cli(database);
    cli.environment["OIABD_SNAPSHOT_WARNING"] = "1s";
    const TemporaryDirectory directory;
    const auto metrics = directory.path() + "/oiabd.prom";
    cli.environment["OIABD_METRICS_FILE"] = metrics;
    pqxx::connection reader{database.url() + " application_name=report"};
    const auto pid = std::to_string(reader.backendpid());
    const auto daemon = cli.start({});
    wait_until_ready(*daemon);
    const auto said = [&](std::string_view sentence) {
        const auto log = daemon->err();
        const auto at = log.find(sentence);
        return at != std::string::npos && log.find(pid, at) < log.find('\n', at);
    };
    const auto shown = [&](const std::string& part) {
        std::ifstream file{metrics};
        return std::string{std::istreambuf_iterator<char>{file}, {}}.find(part) != std::string::npos;
    };
    const auto held = "oiab_old_snapshot_held_seconds{application=\"report\",holder=\"session\",name=\"" + pid + "\"";
    {
        pqxx::transaction<pqxx::isolation_level::repeatable_read> snapshot{reader};
        (void)snapshot.exec("SELECT count(*) FROM jobs");
        eventually(
            60s, [&] { return said("an old snapshot keeps finished rows"); }, "the leader names the transaction");
        CHECK(daemon->err().find("report") != std::string::npos);
        eventually(60s, [&] { return shown(held); }, "the metrics file names the transaction");
        CHECK(shown("\noiab_leader 1\n"));
        CHECK(shown("\noiab_old_snapshots 1\n"));
        CHECK(shown("\noiab_build_info{version=\""));
        const auto workers = cli.run({"workers"}).out;
        CHECK(workers.find("Old snapshot: session " + pid + " (postgres, report, idle in transaction)") !=
              std::string::npos);
    }
    eventually(60s, [&] { return said("the old snapshot is gone"); }, "the leader tells of its end");
    CHECK(cli.run({"workers"}).out.find("Old snapshot") == std::string::npos);
    eventually(60s, [&] { return shown("\noiab_old_snapshots 0\n"); }, "the metrics file tells of its end");
    CHECK_FALSE(shown(pid));
    daemon->signal(SIGTERM);
    CHECK(daemon->wait_or_fail().code == 0);
    CHECK(std::filesystem::is_empty(directory.path()));
}
