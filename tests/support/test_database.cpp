#include "support/test_database.hpp"

#include <atomic>
#include <mutex>

#include "pg/migrator.hpp"

namespace oiab::tests {
namespace {

constexpr const char* kTemplate = "oiab_template";

/// Makes the migrated template once for each server.
void ensure_template(PostgresServer& server) {
    static std::mutex mutex;
    const std::scoped_lock lock{mutex};
    pqxx::connection admin{server.url()};
    pqxx::nontransaction work{admin};
    if (!work.exec("SELECT FROM pg_database WHERE datname = 'oiab_template' AND datistemplate").empty()) return;
    work.exec("DROP DATABASE IF EXISTS oiab_template");
    work.exec("CREATE DATABASE oiab_template");
    {
        pg::SessionSettings settings;
        settings.url = server.url(kTemplate);
        settings.application_name = "test template";
        pg::Migrator{settings, {}}.migrate();
    }
    // A template takes no sessions, so nothing can be in the way of cloning it.
    work.exec("ALTER DATABASE oiab_template IS_TEMPLATE true ALLOW_CONNECTIONS false");
}

std::string new_name() {
    static std::atomic<int> count{0};
    return "test_" + std::to_string(++count);
}

std::string first_value(const pqxx::result& rows) {
    if (rows.empty()) return "";
    return rows[0][0].is_null() ? "NULL" : std::string{rows[0][0].view()};
}

}  // namespace

TestDatabase::TestDatabase(Content content, PostgresServer& server) : server_{server}, name_{new_name()} {
    if (content == Content::kMigrated) ensure_template(server_);
    pqxx::connection admin{server_.url()};
    pqxx::nontransaction{admin}.exec("CREATE DATABASE " + name_ +
                                     (content == Content::kMigrated ? " TEMPLATE oiab_template" : ""));
}

TestDatabase::~TestDatabase() {
    connection_.reset();
    try {
        pqxx::connection admin{server_.url()};
        pqxx::nontransaction{admin}.exec("DROP DATABASE " + name_ + " WITH (FORCE)");
    } catch (const std::exception&) {  // a server that a fault test has stopped takes its databases along
    }
}

pg::SessionSettings TestDatabase::settings(std::string_view application_name) const {
    pg::SessionSettings settings;
    settings.url = url();
    settings.application_name = application_name;
    return settings;
}

pqxx::connection& TestDatabase::connection() {
    if (!connection_ || !connection_->is_open()) connection_ = std::make_unique<pqxx::connection>(url());
    return *connection_;
}

pqxx::result TestDatabase::execute(std::string_view sql) {
    pqxx::work transaction{connection()};
    auto rows = transaction.exec(sql);
    transaction.commit();
    return rows;
}

pqxx::result TestDatabase::execute(std::string_view sql, const pqxx::params& parameters) {
    const std::string text{sql};
    pqxx::work transaction{connection()};
    auto rows = transaction.exec(pqxx::zview{text}, parameters);
    transaction.commit();
    return rows;
}

std::string TestDatabase::value(std::string_view sql) { return first_value(execute(sql)); }
std::string TestDatabase::value(std::string_view sql, const pqxx::params& parameters) {
    return first_value(execute(sql, parameters));
}

}  // namespace oiab::tests
