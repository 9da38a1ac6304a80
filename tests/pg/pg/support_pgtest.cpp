/// @file  The fixtures themselves: a server that comes back, databases that know nothing of each other.

#include <catch2/catch_test_macros.hpp>

#include "support/eventually.hpp"
#include "support/test_database.hpp"

using namespace oiab::tests;

TEST_CASE("test database: each test has its own copy of the migrated schema") {
    TestDatabase one;
    TestDatabase two;
    one.execute("INSERT INTO tenants (name) VALUES ('only here')");
    CHECK(one.value("SELECT count(*) FROM tenants") == "1");
    CHECK(two.value("SELECT count(*) FROM tenants") == "0");
    CHECK(TestDatabase{Content::kEmpty}.value("SELECT to_regclass('tenants')") == "NULL");
}

TEST_CASE("test server: what was committed survives a restart and a kill") {
    PostgresServer server;
    TestDatabase database{Content::kEmpty, server};
    database.execute("CREATE TABLE kept (x int)");
    server.restart();
    CHECK(pqxx::connection{database.url()}.is_open());
    {
        pqxx::connection c{database.url()};
        pqxx::work w{c};
        w.exec("INSERT INTO kept VALUES (1)");
        w.commit();
    }
    server.kill();
    CHECK_THROWS_AS(pqxx::connection{database.url()}, pqxx::broken_connection);
    server.start();
    pqxx::connection c{database.url()};
    CHECK(pqxx::work{c}.exec("SELECT count(*) FROM kept")[0][0].as<int>() == 1);
}

TEST_CASE("test server: the user with_password needs its password over loopback") {
    TestDatabase database{Content::kEmpty};
    database.execute("DROP ROLE IF EXISTS with_password; CREATE ROLE with_password LOGIN PASSWORD 'right'");
    CHECK(pqxx::connection{database.tcp_url("with_password", "right")}.is_open());
    CHECK_THROWS(pqxx::connection{database.tcp_url("with_password", "wrong")});
}
