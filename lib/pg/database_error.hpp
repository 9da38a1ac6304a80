#pragma once
/// @file  Database trouble, translated once into what its receiver will do next. Values; any thread.

#include <stdexcept>
#include <string>
#include <string_view>

namespace oiab::pg {

enum class Trouble {
    kRetry,      ///< nothing happened and the session is sound: the same transaction may run again, now or once the
                 ///< server is well
    kReconnect,  ///< the session is gone and the transaction with it: connect again, then run again
    kInDoubt,    ///< the session broke during COMMIT: read back what happened, never run again blind
    kRefused,    ///< the server understood and said no: running again changes nothing
};

/// Whether the SQLSTATE says that one row is bad, and not the batch, the schema or the server: classes 22 (data
/// exception), 23 (constraint violation), 54 (program limit: JSON nested too deep, an index entry too long) and P0
/// (raised by an operator's own trigger). Every other refusal (no privilege, no such table, read-only, disk full) would
/// meet the next row as well, so no job may be charged with it.
[[nodiscard]] inline bool is_bad_data(std::string_view sqlstate) noexcept {
    return sqlstate.starts_with("22") || sqlstate.starts_with("23") || sqlstate.starts_with("54") ||
           sqlstate.starts_with("P0");
}

class DatabaseError : public std::runtime_error {
public:
    DatabaseError(Trouble trouble, std::string sqlstate, const std::string& message)
        : std::runtime_error{message}, trouble_{trouble}, sqlstate_{std::move(sqlstate)} {}

    [[nodiscard]] Trouble trouble() const noexcept { return trouble_; }
    /// Five characters, or empty where the server had no chance to say one.
    [[nodiscard]] const std::string& sqlstate() const noexcept { return sqlstate_; }
    [[nodiscard]] bool is_bad_data() const noexcept { return pg::is_bad_data(sqlstate_); }

private:
    Trouble trouble_;
    std::string sqlstate_;
};

}  // namespace oiab::pg
