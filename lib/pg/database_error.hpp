#pragma once
/// @file  Database trouble, translated once into what its receiver will do next. Values; any thread.

#include <stdexcept>
#include <string>

namespace oiab::pg {

enum class Trouble {
    kRetry,      ///< nothing happened and the session is sound: the same transaction may run again
    kReconnect,  ///< the session is gone and the transaction with it: connect again, then run again
    kInDoubt,    ///< the session broke during COMMIT: read back what happened, never run again blind
    kRefused,    ///< the server understood and said no: running again changes nothing
};

class DatabaseError : public std::runtime_error {
public:
    DatabaseError(Trouble trouble, std::string sqlstate, const std::string& message)
        : std::runtime_error{message}, trouble_{trouble}, sqlstate_{std::move(sqlstate)} {}

    [[nodiscard]] Trouble trouble() const noexcept { return trouble_; }
    /// Five characters, or empty where the server had no chance to say one.
    [[nodiscard]] const std::string& sqlstate() const noexcept { return sqlstate_; }
    /// True for SQLSTATE classes 22 (data exception) and 23 (constraint violation): one row is bad, not the batch.
    [[nodiscard]] bool is_bad_data() const noexcept {
        return sqlstate_.starts_with("22") || sqlstate_.starts_with("23");
    }

private:
    Trouble trouble_;
    std::string sqlstate_;
};

}  // namespace oiab::pg
