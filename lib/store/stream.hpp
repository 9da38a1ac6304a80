#pragma once
/// @file  An answer while it is being written: a turn adds pieces, those who stream read them from where they are. Lane
/// threads only; every function blocks and throws what the transaction does.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/uuid.hpp"
#include "pg/transaction.hpp"

namespace oiab::store {

/// Adds a piece of the answer at `position` (bytes that precede it), and tells those who stream on commit (NOTIFY
/// oiab_sessions). Adding the same piece again changes nothing.
void append_stream(pg::Transaction& tx, const std::string& session_id, core::JobId job, std::int64_t position,
                   const std::string& delta);
/// Removes what a turn streamed from `position` on: a later attempt writes that part anew.
void clear_stream(pg::Transaction& tx, const std::string& session_id, core::JobId job, std::int64_t position);

struct StreamPiece {
    std::int64_t position = 0;
    std::string delta;
    std::string written_at;  ///< tells a piece that was written anew from the one that it replaces

    bool operator==(const StreamPiece&) const = default;
};

struct StreamPage {
    std::vector<StreamPiece> pieces;  ///< by position
    bool more = false;                ///< the page was full
};

/// The pieces that begin at `position` or later, at most a page of them. Zero pieces: nothing new, or the turn does not
/// stream.
[[nodiscard]] StreamPage load_stream(pg::Transaction& tx, const std::string& session_id, core::JobId job,
                                     std::int64_t position);

}  // namespace oiab::store
