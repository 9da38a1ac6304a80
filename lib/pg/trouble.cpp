#include "pg/trouble.hpp"

#include <array>
#include <pqxx/except>
#include <string>
#include <string_view>

#include "pg/database_error.hpp"

namespace oiab::pg {
namespace {

std::string first_line(std::string_view text) {
    while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.remove_suffix(1);
    return std::string{text.substr(0, text.find('\n'))};
}

/// A refused login names no SQLSTATE through libpq, only a sentence with the severity FATAL. These are the fatal ones
/// that pass by themselves; every other (wrong password, no such database or role) needs a person.
bool passes_by_itself(std::string_view message) {
    constexpr std::array kTransient{
        std::string_view{"starting up"},
        std::string_view{"shutting down"},
        std::string_view{"recovery"},
        std::string_view{"too many clients"},
        std::string_view{"remaining connection slots"},
        std::string_view{"too many connections"},
        std::string_view{"terminating connection"},
        std::string_view{"read-only"},
        std::string_view{"not accepting"},
    };
    if (message.find("FATAL") == std::string_view::npos) return true;
    for (const auto part : kTransient)
        if (message.find(part) != std::string_view::npos) return true;
    return false;
}

Trouble trouble_of(std::string_view sqlstate) {
    // Class 08: connection exception. 57P01 to 57P03: the server shuts down or starts. 25006: a demoted primary.
    if (sqlstate.starts_with("08") || sqlstate.starts_with("57P") || sqlstate == "25006") return Trouble::kReconnect;
    // Class 40: serialization and deadlock. 55P03: lock_timeout. 57014: statement_timeout.
    if (sqlstate.starts_with("40") || sqlstate == "55P03" || sqlstate == "57014") return Trouble::kRetry;
    // Class 53: out of resources, such as a full disk. 58: the system below, such as an I/O error. XX: the server is
    // confused. None is the doing of whoever asked, so none may be charged to a job.
    if (sqlstate.starts_with("53") || sqlstate.starts_with("58") || sqlstate.starts_with("XX")) return Trouble::kRetry;
    return Trouble::kRefused;
}

}  // namespace

void throw_translated(Moment moment) {
    try {
        throw;
    } catch (const pqxx::in_doubt_error& e) {
        throw DatabaseError{Trouble::kInDoubt, "", first_line(e.what())};
    } catch (const pqxx::statement_completion_unknown& e) {
        throw DatabaseError{Trouble::kInDoubt, e.sqlstate(), first_line(e.what())};
    } catch (const pqxx::broken_connection& e) {
        const auto message = first_line(e.what());
        if (moment == Moment::kConnecting)
            throw DatabaseError{passes_by_itself(e.what()) ? Trouble::kReconnect : Trouble::kRefused, "", message};
        throw DatabaseError{moment == Moment::kAutocommit ? Trouble::kInDoubt : Trouble::kReconnect, "", message};
    } catch (const pqxx::insufficient_privilege& e) {
        // The one error that libpqxx 7.10 reports without its SQLSTATE.
        throw DatabaseError{Trouble::kRefused, "42501", first_line(e.what())};
    } catch (const pqxx::sql_error& e) {
        throw DatabaseError{trouble_of(e.sqlstate()), e.sqlstate(), first_line(e.what())};
    } catch (const pqxx::failure& e) {
        throw DatabaseError{Trouble::kRefused, "", first_line(e.what())};
    }
}

}  // namespace oiab::pg
