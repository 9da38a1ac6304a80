#include "queue/settle.hpp"

#include <fmt/format.h>

#include <optional>
#include <pqxx/except>
#include <pqxx/params>
#include <pqxx/result>
#include <unordered_map>

#include "pg/database_error.hpp"
#include "queue/arrays.hpp"
#include "queue/rows.hpp"
#include "queue/savepoint.hpp"
#include "queue/settle_row.hpp"
#include "queue/sql.hpp"

namespace oiab::queue {
namespace {

/// So many savepoints share a transaction: it holds locks until it ends.
constexpr std::size_t kAloneATransaction = 50;

constexpr std::string_view kLockNotAvailable = "55P03";
constexpr std::string_view kDeadlockDetected = "40P01";

bool is_bad_data(const std::string& sqlstate) { return sqlstate.starts_with("22") || sqlstate.starts_with("23"); }

constexpr std::string_view kRefusal = "the server refused to store the outcome";

/// Names the refusal without the data that was refused.
std::string refusal_text(const std::string& sqlstate) { return fmt::format("{} (SQLSTATE {})", kRefusal, sqlstate); }

/// One call of settle: the answers that have been found, by job.
class Batch {
public:
    Batch(pg::Session& session, const WorkerId& worker, std::span<const Settlement> settlements)
        : session_{session}, worker_{worker} {
        answers_.reserve(settlements.size());
        places_.reserve(settlements.size());
        for (const auto& settlement : settlements) {
            places_.emplace(settlement.key.id, answers_.size());
            answers_.push_back({.key = settlement.key});
        }
    }

    /// Completed without a result: ids and epochs are all that travels.
    void settle_completed(std::span<const core::AttemptKey> keys, const pg::Statement& statement) {
        if (keys.empty()) return;
        const auto arrays = key_arrays(keys);
        const auto rows = pg::autocommit(session_, [&](pg::Transaction& tx) {
            return tx.run(statement, pqxx::params{arrays.ids, arrays.epochs, worker_.value});
        });
        for (const auto& row : rows) {
            auto& answer = answer_of(job_id_of(row[0]));
            answer.state = SettleState::kCompleted;
            answer.serial_key = text_of(row[1]);
            found(answer);
        }
    }

    /// Any outcomes, in one statement where the server accepts them all.
    void settle_rows(std::span<const SettleRow> rows) {
        if (rows.empty()) return;
        try {
            const auto written = pg::autocommit(session_, [&](pg::Transaction& tx) {
                return tx.run(sql::settle_batch, settle_parameters(worker_, rows, false));
            });
            for (const auto& row : written) {
                const auto id = job_id_of(row[0]);
                if (row[1].view() == "alone") alone_.push_back(row_of(rows, id));
                else found(answer_of(id) = settled_of(answer_of(id).key, row));
            }
        } catch (const pg::DatabaseError& error) {
            if (!error.is_bad_data()) throw;
            if (rows.size() == 1) {
                const auto failed =
                    failed_row(rows[0].key, core::FailureReason::kError, refusal_text(error.sqlstate()));
                // What was refused is gone from the row; should even this be refused, the schema is broken.
                if (rows[0].error && rows[0].error->starts_with(kRefusal)) throw;
                settle_rows({&failed, 1});
            } else {
                settle_rows(rows.first(rows.size() / 2));
                settle_rows(rows.subspan(rows.size() / 2));
            }
        }
    }

    /// Rows with a dedupe key that go back to pending: each in a savepoint that a newer pending row may refuse.
    void settle_alone() {
        for (std::span<const SettleRow> left{alone_}; !left.empty();) {
            const auto some = left.first(std::min(left.size(), kAloneATransaction));
            left = left.subspan(some.size());
            pg::in_transaction(session_, [&](pg::Transaction& tx) {
                (void)tx.run(sql::set_short_lock_timeout);
                for (const auto& row : some) put_back(tx, row);
            });
        }
    }

    /// Looks at the attempts that no statement touched.
    std::vector<Settled> finish() && {
        std::vector<core::AttemptKey> missing;
        for (const auto& [id, place] : places_) missing.push_back(answers_[place].key);
        if (!missing.empty()) {
            const auto arrays = key_arrays(missing);
            const auto rows = pg::autocommit(session_, [&](pg::Transaction& tx) {
                return tx.run(sql::read_attempts, pqxx::params{arrays.ids, arrays.epochs, worker_.value});
            });
            for (const auto& row : rows) {
                auto& answer = answer_of(job_id_of(row[0]));
                answer = settled_of(answer.key, row);
            }
        }
        return std::move(answers_);
    }

    /// An answer that needs no statement.
    void answer_without_write(std::size_t place, SettleState state) {
        answers_[place].state = state;
        found(answers_[place]);
    }

private:
    Settled& answer_of(const core::JobId& id) {
        const auto place = places_.find(id);
        if (place == places_.end()) throw std::logic_error{"a settle answered for a job that it was not asked about"};
        return answers_[place->second];
    }
    /// Not missing any more. Only after its answer was written: answer_of knows missing ones alone.
    void found(const Settled& answer) { places_.erase(answer.key.id); }

    static const SettleRow& row_of(std::span<const SettleRow> rows, const core::JobId& id) {
        for (const auto& row : rows)
            if (row.key.id == id) return row;
        throw std::logic_error{"a settle answered for a job that it was not asked about"};
    }

    void put_back(pg::Transaction& tx, const SettleRow& row) {
        try {
            write_one(tx, row);
        } catch (const pqxx::unique_violation&) {
            const auto newer = tx.run(sql::find_pending_by_key, pqxx::params{row.key.id.to_string()});
            // Claimed or gone since: nothing is in the way any more, so the next settle puts the row back.
            if (newer.empty()) return hold(row.key.id);
            write_one(tx, failed_row(row.key, core::FailureReason::kSuperseded,
                                     fmt::format("superseded by the newer pending job {} with the same dedupe key",
                                                 newer[0][0].view())));
        } catch (const pqxx::sql_error& error) {
            if (error.sqlstate() == kLockNotAvailable || error.sqlstate() == kDeadlockDetected) {
                hold(row.key.id);
            } else if (is_bad_data(error.sqlstate())) {
                write_one(tx, failed_row(row.key, core::FailureReason::kError, refusal_text(error.sqlstate())));
            } else {
                throw;
            }
        }
    }

    void hold(const core::JobId& id) {
        auto& answer = answer_of(id);
        answer.state = SettleState::kHeld;
        found(answer);
    }

    void write_one(pg::Transaction& tx, const SettleRow& row) {
        const auto written = in_savepoint(tx, [&](pg::Transaction& inner) {
            return inner.run(sql::settle_batch, settle_parameters(worker_, {&row, 1}, true));
        });
        if (!written.empty()) found(answer_of(row.key.id) = settled_of(row.key, written[0]));
    }

    pg::Session& session_;
    const WorkerId& worker_;
    std::vector<Settled> answers_;
    std::unordered_map<core::JobId, std::size_t> places_;  ///< of the answers that are missing
    std::vector<SettleRow> alone_;
};

SettleState state_of(const core::Outcome& outcome) {
    const auto* settled = std::get_if<core::AlreadySettled>(&outcome);
    if (settled == nullptr) return SettleState::kLost;
    switch (settled->status) {
        case core::Status::kCompleted: return SettleState::kCompleted;
        case core::Status::kFailed: return SettleState::kFailed;
        default: return SettleState::kPending;
    }
}

std::vector<Settled> settle_with(pg::Session& session, const WorkerId& worker, std::span<const Settlement> settlements,
                                 const pg::Statement& statement_for_completed, bool result_is_kept) {
    Batch batch{session, worker, settlements};
    std::vector<core::AttemptKey> completed;
    std::vector<SettleRow> rows;
    for (std::size_t i = 0; i < settlements.size(); ++i) {
        const auto* done = std::get_if<core::Completed>(&settlements[i].outcome);
        if (done != nullptr && (done->result.empty() || !result_is_kept)) completed.push_back(settlements[i].key);
        else if (auto row = settle_row_of(settlements[i])) rows.push_back(std::move(*row));
        else batch.answer_without_write(i, state_of(settlements[i].outcome));
    }
    batch.settle_completed(completed, statement_for_completed);
    batch.settle_rows(rows);
    batch.settle_alone();
    return std::move(batch).finish();
}

}  // namespace

std::vector<Settled> settle(pg::Session& session, const WorkerId& worker, std::span<const Settlement> batch) {
    return settle_with(session, worker, batch, sql::settle_completed, true);
}

std::vector<Settled> settle_and_delete(pg::Session& session, const WorkerId& worker,
                                       std::span<const Settlement> batch) {
    return settle_with(session, worker, batch, sql::settle_delete, false);
}

bool complete_in(pg::Transaction& tx, const Guard& guard, const std::string& result) {
    const std::optional<std::string> stored = result.empty() ? std::nullopt : std::optional{result};
    return !tx.run(sql::complete,
                   pqxx::params{guard.key.id.to_string(), guard.key.epoch.value, guard.worker.value, stored})
                .empty();
}

}  // namespace oiab::queue
