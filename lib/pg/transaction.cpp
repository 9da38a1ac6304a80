#include "pg/transaction.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <pqxx/dbtransaction>
#include <pqxx/nontransaction>
#include <pqxx/params>
#include <pqxx/prepared_statement>
#include <pqxx/result>
#include <pqxx/transaction>

#include "pg/questions.hpp"
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

Transaction::Transaction(Session& session, pqxx::transaction_base& raw) noexcept : session_{session}, raw_{raw} {}

Transaction::~Transaction() = default;

pqxx::result Transaction::run(const Statement& statement, const pqxx::params& parameters) {
    write_added();
    return look(statement, parameters);
}

pqxx::result Transaction::look(const Statement& statement, const pqxx::params& parameters) {
    if (session_.prepared(statement)) return raw_.exec(pqxx::prepped{statement.name}, parameters);
    return raw_.exec(statement.text, parameters);
}

pqxx::result Transaction::look_once(const Statement& statement, const pqxx::params& parameters, std::string key) {
    const auto same = [&](const Known& one) { return one.statement == statement.name && one.key == key; };
    if (const auto found = std::ranges::find_if(known_, same); found != known_.end()) return *found->answer;
    auto answer = std::make_shared<const pqxx::result>(look(statement, parameters));
    known_.push_back({statement.name, std::move(key), answer});
    return *answer;
}

void Transaction::announce(const Statement& statement, std::string row) {
    if (!questions_) questions_ = std::make_unique<Questions>();
    questions_->announce(statement, std::move(row));
}

Answer Transaction::look_for(const Statement& statement, const std::string& row) {
    const auto ask = [this](const Statement& asked, const std::string& rows) {
        return look(asked, pqxx::params{rows});
    };
    if (questions_) {
        if (auto answer = questions_->take(statement, row, ask)) return std::move(*answer);
    }
    return answer_at(ask(statement, '[' + row + ']'), 1);
}

pqxx::result Transaction::run(const Statement& statement) { return run(statement, pqxx::params{}); }

void Transaction::add(const Statement& statement, std::string_view row, std::function<void()> missing) {
    auto found = std::ranges::find_if(added_, [&](const Added& one) { return one.statement.name == statement.name; });
    if (found == added_.end()) found = added_.insert(added_.end(), Added{statement, {}, 0, std::move(missing)});
    if (found->count++ > 0) found->rows += ',';
    found->rows += row;
}

void Transaction::write_added() {
    if (added_.empty()) return;
    // Gone even where one of them fails: the transaction is over then.
    const auto all = std::exchange(added_, {});
    for (const auto& one : all) {
        const auto written = look(one.statement, pqxx::params{'[' + one.rows + ']'});
        if (one.missing && static_cast<std::size_t>(written.size()) < one.count) one.missing();
    }
}

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
        transaction.write_added();
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
        transaction.write_added();
        raw.commit();
    });
}

}  // namespace oiab::pg
