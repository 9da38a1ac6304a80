#pragma once
/// @file  One transaction, and the one place where database trouble is translated. Lane threads only.

#include <functional>
#include <optional>
#include <type_traits>
#include <utility>

#include "pg/database_error.hpp"
#include "pg/session.hpp"

namespace pqxx {
class result;
class params;
class transaction_base;
}  // namespace pqxx

namespace oiab::pg {

/// An open transaction (READ COMMITTED). Handed to functions of queue and store; never stored.
class Transaction {
public:
    Transaction(Session& session, pqxx::transaction_base& raw) noexcept : session_{session}, raw_{raw} {}
    Transaction(const Transaction&) = delete;
    Transaction& operator=(const Transaction&) = delete;

    /// Runs the statement, by name where preparing is allowed. Blocks, at most statement_timeout.
    [[nodiscard]] pqxx::result run(const Statement& statement, const pqxx::params& parameters);
    [[nodiscard]] pqxx::result run(const Statement& statement);

    [[nodiscard]] pqxx::transaction_base& raw() noexcept { return raw_; }
    [[nodiscard]] Session& session() noexcept { return session_; }

    /// Whose row this transaction has locked already, so that it is not locked again. A lock lives until the commit, so
    /// nothing is remembered where every statement commits by itself.
    void note_held_by(const void* owner) noexcept;
    [[nodiscard]] bool is_held_by(const void* owner) const noexcept { return owner == holder_; }

private:
    Session& session_;
    pqxx::transaction_base& raw_;
    const void* holder_ = nullptr;
};

/// Runs `body` in one transaction and commits it. Blocks.
/// @throws DatabaseError; a broken connection has been discarded by then. What `body` throws otherwise rolls back and
/// passes through.
void in_transaction(Session& session, const std::function<void(Transaction&)>& body);

/// Runs `body` outside of a transaction block: each statement commits by itself. One round trip for a single guarded
/// statement where a block would take three; also for what refuses a block (CREATE INDEX CONCURRENTLY).
/// @throws DatabaseError, as in_transaction; a single statement whose answer was lost is in doubt.
void autocommit(Session& session, const std::function<void(Transaction&)>& body);

/// The same, for bodies that return something.
template <typename Body>
    requires(!std::is_void_v<std::invoke_result_t<Body, Transaction&>>)
auto in_transaction(Session& session, Body&& body) -> std::invoke_result_t<Body, Transaction&> {
    std::optional<std::invoke_result_t<Body, Transaction&>> answer;
    in_transaction(session, std::function<void(Transaction&)>{[&](Transaction& tx) { answer.emplace(body(tx)); }});
    return std::move(*answer);
}

template <typename Body>
    requires(!std::is_void_v<std::invoke_result_t<Body, Transaction&>>)
auto autocommit(Session& session, Body&& body) -> std::invoke_result_t<Body, Transaction&> {
    std::optional<std::invoke_result_t<Body, Transaction&>> answer;
    autocommit(session, std::function<void(Transaction&)>{[&](Transaction& tx) { answer.emplace(body(tx)); }});
    return std::move(*answer);
}

}  // namespace oiab::pg
