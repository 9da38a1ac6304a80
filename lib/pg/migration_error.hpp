#pragma once
/// @file  Why the schema could not be brought up to date, in one sentence with what mends it. Values; any thread.

#include <stdexcept>
#include <string>

namespace oiab::pg {

enum class MigrationTrouble {
    kNewerSchema,       ///< a later release has changed the schema in a way that this one cannot work with
    kMissingExtension,  ///< an extension is not installed on the server's machine
    kNoPrivilege,       ///< the role may not create or alter what is needed
    kReadOnly,          ///< a standby, or a database that is set read-only
    kEncoding,          ///< the database is not in UTF8
    kOldServer,         ///< PostgreSQL before 15
    kLocked,            ///< somebody held a lock for longer than the migrator waits
    kFailed,            ///< anything else the server refused
};

class MigrationError : public std::runtime_error {
public:
    MigrationError(MigrationTrouble trouble, const std::string& sentence)
        : std::runtime_error{sentence}, trouble_{trouble} {}
    [[nodiscard]] MigrationTrouble trouble() const noexcept { return trouble_; }

private:
    MigrationTrouble trouble_;
};

}  // namespace oiab::pg
