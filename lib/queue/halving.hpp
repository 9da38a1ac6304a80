#pragma once
/// @file  A batch of which the server refuses one row: halved until that row is alone. Private to the queue layer.

#include <span>

#include "pg/database_error.hpp"

namespace oiab::queue {

/// Calls `write(rows)`, each time in a transaction of its own. Where the server refuses it for a row's sake (see
/// pg::is_bad_data) each half is written by itself, and a row that is refused alone goes to `refuse(row, error)`, which
/// may rethrow. @throws pg::DatabaseError for every other trouble; what was written before then stays written.
template <typename Row, typename Write, typename Refuse>
void write_halving(std::span<const Row> rows, const Write& write, const Refuse& refuse) {
    if (rows.empty()) return;
    try {
        return write(rows);
    } catch (const pg::DatabaseError& error) {
        if (!error.is_bad_data()) throw;
        if (rows.size() == 1) return refuse(rows[0], error);
    }
    write_halving(rows.first(rows.size() / 2), write, refuse);
    write_halving(rows.subspan(rows.size() / 2), write, refuse);
}

}  // namespace oiab::queue
