#pragma once
/// @file  A database of one test's own, cloned from a migrated template, dropped at the end. One thread each.

#include <memory>
#include <pqxx/pqxx>
#include <string>
#include <string_view>

#include "pg/session.hpp"
#include "support/postgres_server.hpp"

namespace oiab::tests {

enum class Content {
    kMigrated,  ///< the whole schema, no rows but what the migrations themselves put there
    kEmpty,     ///< nothing but what every new database has
};

class TestDatabase {
public:
    explicit TestDatabase(Content content = Content::kMigrated, PostgresServer& server = PostgresServer::shared());
    TestDatabase(const TestDatabase&) = delete;
    TestDatabase& operator=(const TestDatabase&) = delete;
    /// Cuts the sessions that are left and drops the database.
    ~TestDatabase();

    [[nodiscard]] const std::string& name() const noexcept { return name_; }
    /// Over the unix socket, as superuser.
    [[nodiscard]] std::string url() const { return server_.url(name_); }
    /// Over loopback; see PostgresServer::tcp_url.
    [[nodiscard]] std::string tcp_url(std::string_view user = "postgres", std::string_view password = "") const {
        return server_.tcp_url(name_, user, password);
    }
    [[nodiscard]] pg::SessionSettings settings(std::string_view application_name = "test") const;
    [[nodiscard]] PostgresServer& server() const noexcept { return server_; }

    /// Runs SQL, several statements if need be, and commits. On a connection of the test's own.
    pqxx::result execute(std::string_view sql);
    pqxx::result execute(std::string_view sql, const pqxx::params& parameters);
    /// The first column of the first row as text; "NULL" for NULL, "" for no row.
    [[nodiscard]] std::string value(std::string_view sql);
    [[nodiscard]] std::string value(std::string_view sql, const pqxx::params& parameters);

private:
    pqxx::connection& connection();

    PostgresServer& server_;
    std::string name_;
    std::unique_ptr<pqxx::connection> connection_;
};

}  // namespace oiab::tests
