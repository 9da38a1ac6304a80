#pragma once
/// @file  Removes what has outlived its use, beside the jobs themselves. For the janitor. Lane threads only; blocks and
/// throws what the transaction does.

#include <algorithm>
#include <cstddef>

#include "pg/transaction.hpp"

namespace oiab::store {

struct Retained {
    std::size_t audit_entries = 0;      ///< by category: 1 or 2 years
    std::size_t stream_pieces = 0;      ///< a day after they were written
    std::size_t cached_embeddings = 0;  ///< 90 days after their last use
    std::size_t lost_calls = 0;         ///< reservations of attempts that are over, charged by estimate
    [[nodiscard]] std::size_t total() const noexcept {
        return audit_entries + stream_pieces + cached_embeddings + lost_calls;
    }
    /// Rows of the sort that lost the most.
    [[nodiscard]] std::size_t most() const noexcept {
        return std::max({audit_entries, stream_pieces, cached_embeddings, lost_calls});
    }
};

/// Removes at most `batch` rows of each sort, oldest first. @returns how many went; call again while a sort reaches
/// `batch`.
Retained purge_expired(pg::Transaction& tx, int batch);

}  // namespace oiab::store
