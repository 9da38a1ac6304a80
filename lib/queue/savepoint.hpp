#pragma once
/// @file  A savepoint around statements that may be refused without harm to the rest. Private to the queue layer.

#include <pqxx/dbtransaction>
#include <pqxx/subtransaction>
#include <utility>

#include "pg/transaction.hpp"

namespace oiab::queue {

/// Runs `body(pg::Transaction&)` in a savepoint of `tx`, which must be a transaction block. What `body` throws (pqxx's
/// exceptions, untranslated) rolls back to the savepoint and passes through; the transaction goes on.
template <typename Body>
auto in_savepoint(pg::Transaction& tx, Body&& body) {
    pqxx::subtransaction savepoint{dynamic_cast<pqxx::dbtransaction&>(tx.raw())};
    pg::Transaction inner{tx.session(), savepoint};
    auto answer = std::forward<Body>(body)(inner);
    savepoint.commit();
    return answer;
}

}  // namespace oiab::queue
