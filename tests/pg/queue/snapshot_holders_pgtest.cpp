/// @file  Who is in the way of the vacuum: sessions, prepared transactions, slots and standbys, on a server that has
/// them all.

#include "queue/snapshot_holders.hpp"

#include <libpq-fe.h>

#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <memory>

#include "support/eventually.hpp"
#include "support/test_database.hpp"

using namespace oiab;
using namespace oiab::tests;
using namespace std::chrono_literals;
using Kind = queue::SnapshotHolderKind;

namespace {

PostgresServer& server() {
    static PostgresServer server{{"max_prepared_transactions=5", "wal_level=logical"}};
    return server;
}

struct Holders {
    TestDatabase database{Content::kEmpty, server()};
    pg::Session session{database.settings("looker")};

    /// A holder is in the way only of what was written since.
    void begin_transactions(int count) {
        for (int i = 0; i < count; ++i) database.execute("SELECT txid_current()");
    }
    [[nodiscard]] static std::vector<queue::SnapshotHolder> all(pg::Session& as) {
        return pg::autocommit(as, [](pg::Transaction& tx) { return queue::find_snapshot_holders(tx); });
    }
    [[nodiscard]] static std::optional<queue::SnapshotHolder> find(pg::Session& as, Kind kind, std::string_view name) {
        for (auto& holder : all(as))
            if (holder.kind == kind && holder.name == name) return std::move(holder);
        return std::nullopt;
    }
    [[nodiscard]] std::optional<queue::SnapshotHolder> find(Kind kind, std::string_view name) {
        return find(session, kind, name);
    }
};

/// A standby's receiver: it streams from the server and tells which transactions its queries still see.
class Standby {
public:
    /// @param slot  empty: none
    explicit Standby(const std::string& slot)
        : connection_{PQconnectdb((server().url() + " replication=true application_name=standby-1").c_str()),
                      PQfinish} {
        REQUIRE(PQstatus(connection_.get()) == CONNECTION_OK);
        const Result system{PQexec(connection_.get(), "IDENTIFY_SYSTEM"), PQclear};
        REQUIRE(PQresultStatus(system.get()) == PGRES_TUPLES_OK);
        const std::string start = "START_REPLICATION " + (slot.empty() ? "" : "SLOT " + slot + " ") + "PHYSICAL " +
                                  PQgetvalue(system.get(), 0, 2);
        const Result started{PQexec(connection_.get(), start.c_str()), PQclear};
        REQUIRE(PQresultStatus(started.get()) == PGRES_COPY_BOTH);
    }
    [[nodiscard]] std::string sender() const { return std::to_string(PQbackendPID(connection_.get())); }

    /// Feedback of a hot standby, as the streaming protocol has it: time, xmin, its epoch, the same of the catalogues.
    void see(std::uint32_t xmin) {
        std::string message(1 + 8, '\0');
        message[0] = 'h';
        for (const std::uint32_t number : {xmin, 0U, 0U, 0U})
            for (int shift = 24; shift >= 0; shift -= 8) message += static_cast<char>(number >> shift);
        REQUIRE(PQputCopyData(connection_.get(), message.data(), static_cast<int>(message.size())) == 1);
        REQUIRE(PQflush(connection_.get()) == 0);
    }

private:
    using Result = std::unique_ptr<PGresult, decltype(&PQclear)>;
    std::unique_ptr<PGconn, decltype(&PQfinish)> connection_;
};

}  // namespace

TEST_CASE_METHOD(Holders, "snapshot holders: a REPEATABLE READ transaction, with whose it is and since when") {
    pqxx::connection reader{database.url() + " application_name=report"};
    const auto pid = std::to_string(reader.backendpid());
    CHECK_FALSE(find(Kind::kSession, pid));
    {
        pqxx::transaction<pqxx::isolation_level::repeatable_read> snapshot{reader};
        (void)snapshot.exec("SELECT 1 FROM pg_class LIMIT 1");
        begin_transactions(5);
        const auto holder = find(Kind::kSession, pid);
        REQUIRE(holder);
        CHECK(holder->user == "postgres");
        CHECK(holder->application == "report");
        CHECK(holder->state == "idle in transaction");
        CHECK(holder->transactions >= 5);
        CHECK(holder->held >= 0s);
        CHECK(holder->xid == database.value("SELECT backend_xmin FROM pg_stat_activity WHERE pid = " + pid));
    }
    CHECK_FALSE(find(Kind::kSession, pid));
}

TEST_CASE_METHOD(Holders, "snapshot holders: a transaction that has written and waits; not one that only waits") {
    pqxx::connection writer{database.url()};
    pqxx::connection idler{database.url()};
    pqxx::work writing{writer};
    pqxx::work idling{idler};
    const auto xid = writing.exec("SELECT txid_current()")[0][0].as<std::string>();
    (void)idling.exec("SELECT 1 FROM pg_class LIMIT 1");
    begin_transactions(3);
    const auto holder = find(Kind::kSession, std::to_string(writer.backendpid()));
    REQUIRE(holder);
    CHECK(holder->xid == xid);
    CHECK_FALSE(find(Kind::kSession, std::to_string(idler.backendpid())));
}

TEST_CASE_METHOD(Holders, "snapshot holders: sessions of other databases are in nobody's way here") {
    const TestDatabase elsewhere{Content::kEmpty, server()};
    pqxx::connection reader{elsewhere.url()};
    pqxx::transaction<pqxx::isolation_level::repeatable_read> snapshot{reader};
    (void)snapshot.exec("SELECT 1 FROM pg_class LIMIT 1");
    begin_transactions(3);
    CHECK_FALSE(find(Kind::kSession, std::to_string(reader.backendpid())));
}

TEST_CASE_METHOD(Holders, "snapshot holders: a prepared transaction, by its gid") {
    pqxx::connection writer{database.url()};
    pqxx::nontransaction{writer}.exec("BEGIN; CREATE TABLE t (); PREPARE TRANSACTION 'forgotten'");
    begin_transactions(3);
    const auto holder = find(Kind::kPreparedTransaction, "forgotten");
    REQUIRE(holder);
    CHECK(holder->user == "postgres");
    CHECK(holder->transactions >= 3);
    CHECK(holder->held >= 0s);
    pqxx::nontransaction{writer}.exec("ROLLBACK PREPARED 'forgotten'");
    CHECK_FALSE(find(Kind::kPreparedTransaction, "forgotten"));
}

TEST_CASE_METHOD(Holders, "snapshot holders: a logical slot, which holds the catalogues") {
    database.execute("SELECT pg_create_logical_replication_slot('feed', 'pgoutput')");
    begin_transactions(3);
    const auto holder = find(Kind::kReplicationSlot, "feed");
    REQUIRE(holder);
    CHECK(holder->application == "pgoutput");
    CHECK(holder->state == "inactive, holds catalogues");
    CHECK(holder->transactions >= 3);
    CHECK_FALSE(holder->held);
    database.execute("SELECT pg_drop_replication_slot('feed')");
    CHECK_FALSE(find(Kind::kReplicationSlot, "feed"));
}

TEST_CASE_METHOD(Holders, "snapshot holders: a standby's queries, and the slot that remembers them when it is away") {
    const auto seen = static_cast<std::uint32_t>(std::stoul(database.value("SELECT txid_current()")));
    database.execute("SELECT pg_create_physical_replication_slot('twin')");
    {
        Standby with_slot{"twin"};
        Standby without{""};
        with_slot.see(seen);
        without.see(seen);
        begin_transactions(3);
        eventually(
            10s, [&] { return find(Kind::kStandby, without.sender()).has_value(); }, "the standby's feedback is in");
        const auto holder = find(Kind::kStandby, without.sender());
        REQUIRE(holder);
        CHECK(holder->application == "standby-1");
        CHECK(holder->xid == std::to_string(seen));
        eventually(10s, [&] { return find(Kind::kReplicationSlot, "twin").has_value(); }, "the slot's feedback is in");
    }
    // Streaming ends some time after the socket is closed.
    eventually(
        10s,
        [&] {
            const auto left = find(Kind::kReplicationSlot, "twin");
            return left && left->state == "inactive" && left->xid == std::to_string(seen);
        },
        "the slot goes on holding what its standby saw");
    eventually(
        10s, [&] { return std::ranges::none_of(all(session), [](auto& h) { return h.kind == Kind::kStandby; }); },
        "the standby is gone");
    database.execute("SELECT pg_drop_replication_slot('twin')");
}

TEST_CASE_METHOD(Holders, "snapshot holders: a role without rights over others still learns who it is") {
    database.execute("CREATE ROLE curious LOGIN");
    {
        auto settings = database.settings();
        settings.url = database.tcp_url("curious");
        pg::Session curious{settings};
        pqxx::connection reader{database.url() + " application_name=report"};
        pqxx::transaction<pqxx::isolation_level::repeatable_read> snapshot{reader};
        (void)snapshot.exec("SELECT 1 FROM pg_class LIMIT 1");
        begin_transactions(3);
        const auto holder = find(curious, Kind::kSession, std::to_string(reader.backendpid()));
        REQUIRE(holder);
        CHECK(holder->user == "postgres");
        CHECK(holder->application == "report");
        CHECK(holder->state.empty());
        CHECK_FALSE(holder->held);
    }
    database.execute("DROP ROLE curious");
}
