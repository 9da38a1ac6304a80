#pragma once
/// @file  What stands encrypted in the database, wherever that is, for whoever changes the key. The texts stay
/// encrypted here. Lane threads and commands only; every function blocks and throws what the transaction does.

#include <array>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "pg/transaction.hpp"

namespace oiab::store {

/// A column that holds encrypted texts (v1:iv:tag:ciphertext), as `table.column`.
using SealedPlace = std::string_view;

inline constexpr std::array<SealedPlace, 6> kSealedPlaces{
    "providers.credentials",   "triggers.webhook_secret",     "gateways.bot_token",
    "gateways.webhook_secret", "entra_sessions.access_token", "entra_sessions.refresh_token"};

struct SealedText {
    std::string id;  ///< of its row
    std::string sealed;
};

/// @param after  id of the last row of the page before; empty at first
/// @returns at most `most`, in the order of the ids; fewer than that = the last page
[[nodiscard]] std::vector<SealedText> load_sealed(pg::Transaction& tx, SealedPlace place, const std::string& after,
                                                  std::size_t most);

struct Resealed {
    std::string id;
    std::string old_text;
    std::string new_text;
};

/// Compare and set: a text that changed meanwhile stays as it is. @returns how many were written.
std::size_t replace_sealed(pg::Transaction& tx, SealedPlace place, std::span<const Resealed> texts);

/// Whether row-level security lets this role see every row of those tables.
[[nodiscard]] bool sees_all_sealed(pg::Transaction& tx);

}  // namespace oiab::store
