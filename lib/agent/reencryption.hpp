#pragma once
/// @file  Encrypts what stands in the database under the keyring's first key, while everybody goes on reading and
/// writing. For the command `keyring`; blocking, one thread.

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "pg/session.hpp"
#include "secrets/box.hpp"
#include "store/sealed.hpp"

namespace oiab::agent {

/// What stands in one place, by the key that opens it.
struct SealedCount {
    store::SealedPlace place;
    std::map<std::string, std::int64_t> by_key;  ///< name of the key → texts; keys that open none are left out
    std::int64_t unreadable = 0;                 ///< opened by no key, or not encrypted at all
    std::int64_t rewritten = 0;                  ///< by this run

    [[nodiscard]] std::int64_t total() const;
};

struct SealedSurvey {
    std::vector<SealedCount> places;

    [[nodiscard]] std::int64_t unreadable() const;
    [[nodiscard]] std::int64_t rewritten() const;
    /// How many texts a key opens, in all places.
    [[nodiscard]] std::int64_t opened_by(const std::string& key_name) const;
};

/// Looks at everything, changes nothing. @throws pg::DatabaseError
[[nodiscard]] SealedSurvey survey_sealed(pg::Session& session, const std::vector<secrets::Key>& keys);

/// Encrypts under keys.front() whatever another one of `keys` opens, page by page, each in a small transaction by
/// compare and set: a secret that somebody stores meanwhile is never overwritten, but found again. What no key opens
/// stays as it is. @returns what is there afterwards, which holds texts under other keys only where somebody keeps
/// writing them. @throws pg::DatabaseError; what was written until then stays
[[nodiscard]] SealedSurvey reencrypt(pg::Session& session, const std::vector<secrets::Key>& keys);

/// Whether this role sees every row, without which a survey proves nothing. @throws pg::DatabaseError
[[nodiscard]] bool sees_all_sealed(pg::Session& session);

}  // namespace oiab::agent
