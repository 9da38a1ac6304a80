#pragma once
/// @file  One transaction, and the one place where database trouble is translated. Lane threads only.

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "pg/database_error.hpp"
#include "pg/session.hpp"

namespace pqxx {
class result;
class params;
class transaction_base;
}  // namespace pqxx

namespace oiab::pg {

class Answer;
class Questions;

/// An open transaction (READ COMMITTED). Handed to functions of queue and store; never stored.
class Transaction {
public:
    Transaction(Session& session, pqxx::transaction_base& raw) noexcept;
    ~Transaction();
    Transaction(const Transaction&) = delete;
    Transaction& operator=(const Transaction&) = delete;

    /// Runs the statement, by name where preparing is allowed, after everything that was added. Blocks, at most
    /// statement_timeout each.
    [[nodiscard]] pqxx::result run(const Statement& statement, const pqxx::params& parameters);
    [[nodiscard]] pqxx::result run(const Statement& statement);
    /// The same for a statement that neither reads nor locks what was added: that goes on waiting.
    [[nodiscard]] pqxx::result look(const Statement& statement, const pqxx::params& parameters);
    /// The same, asked once in the transaction for each `key`: for what is the same for many parts of a shared one, and
    /// changed by none.
    /// @param key  tells the parameters apart
    [[nodiscard]] pqxx::result look_once(const Statement& statement, const pqxx::params& parameters, std::string key);

    /// Announces that look_for is going to ask this: what is announced by the time of the first answer, by all parts of
    /// a shared transaction, is asked by one statement. Changes no answer.
    /// @param statement  its only parameter is a JSON array of rows; it returns for each any number of rows in their
    /// order, whose column `place` counts from 1
    /// @param row        JSON text
    void announce(const Statement& statement, std::string row);
    /// The same as look, for such a statement.
    [[nodiscard]] Answer look_for(const Statement& statement, const std::string& row);

    /// Keeps a row for a statement whose only parameter is a JSON array of rows, so that one statement writes what many
    /// have added. It runs before the next run(), at the latest before the commit; statements run in the order in which
    /// they were first added to.
    /// @param row      JSON text
    /// @param missing  throws; called where the statement returns fewer rows than it was given
    void add(const Statement& statement, std::string_view row, std::function<void()> missing = nullptr);
    /// Runs what was added. Blocks.
    void write_added();

    /// For what has no statement of its own. Runs what was added.
    [[nodiscard]] pqxx::transaction_base& raw() {
        write_added();
        return raw_;
    }
    [[nodiscard]] Session& session() noexcept { return session_; }

    /// Whose row this transaction has locked already, so that it is not locked again. A lock lives until the commit, so
    /// nothing is remembered where every statement commits by itself.
    void note_held_by(const void* owner) noexcept;
    [[nodiscard]] bool is_held_by(const void* owner) const noexcept { return owner == holder_; }

private:
    struct Added {
        Statement statement;
        std::string rows;  ///< the array without its brackets
        std::size_t count = 0;
        std::function<void()> missing;
    };

    struct Known {
        std::string_view statement;
        std::string key;
        std::shared_ptr<const pqxx::result> answer;
    };

    Session& session_;
    pqxx::transaction_base& raw_;
    std::vector<Known> known_;
    std::unique_ptr<Questions> questions_;  ///< none until something is announced
    const void* holder_ = nullptr;
    std::vector<Added> added_;
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
