#include "pg/transaction.hpp"

#include <fmt/format.h>

#include <pqxx/dbtransaction>
#include <pqxx/nontransaction>
#include <pqxx/params>
#include <pqxx/prepared_statement>
#include <pqxx/result>
#include <pqxx/transaction>

#include "pg/trouble.hpp"

namespace oiab::pg {
namespace {

/// Runs `attempt`; a broken connection is discarded before the translated error leaves.
void translated(Session& session, Moment moment, const std::function<void()>& attempt) {
    try {
        try {
            attempt();
        } catch (const pqxx::failure&) {
            throw_translated(moment);
        }
    } catch (const DatabaseError& e) {
        if (e.trouble() == Trouble::kReconnect || e.trouble() == Trouble::kInDoubt) session.discard();
        throw;
    }
}

/// Behind a pooler in transaction mode a SET would leak into other clients' sessions; SET LOCAL ends with the block.
void apply_local_settings(const SessionSettings& settings, pqxx::transaction_base& raw) {
    raw.exec(
        fmt::format("SET LOCAL statement_timeout = {}; SET LOCAL lock_timeout = {}; SET LOCAL TimeZone = 'UTC'; "
                    "SET LOCAL jit = off",
                    settings.statement_timeout.count(), settings.lock_timeout.count()));
}

}  // namespace

pqxx::result Transaction::run(const Statement& statement, const pqxx::params& parameters) {
    if (session_.prepared(statement)) return raw_.exec(pqxx::prepped{statement.name}, parameters);
    return raw_.exec(statement.text, parameters);
}

pqxx::result Transaction::run(const Statement& statement) { return run(statement, pqxx::params{}); }

void Transaction::note_held_by(const void* owner) noexcept {
    if (dynamic_cast<pqxx::dbtransaction*>(&raw_) != nullptr) holder_ = owner;
}

void in_transaction(Session& session, const std::function<void(Transaction&)>& body) {
    translated(session, Moment::kInTransaction, [&] {
        const Session::Busy busy{session};
        pqxx::work raw{session.connection()};
        if (session.settings().prepare == Prepare::kOff) apply_local_settings(session.settings(), raw);
        Transaction transaction{session, raw};
        body(transaction);
        raw.commit();
    });
}

void autocommit(Session& session, const std::function<void(Transaction&)>& body) {
    // SET LOCAL needs a block, so behind a pooler this is a transaction like any other.
    if (session.settings().prepare == Prepare::kOff) return in_transaction(session, body);
    translated(session, Moment::kAutocommit, [&] {
        const Session::Busy busy{session};
        pqxx::nontransaction raw{session.connection()};
        Transaction transaction{session, raw};
        body(transaction);
        raw.commit();
    });
}

}  // namespace oiab::pg
