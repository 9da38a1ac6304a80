#include "queue/settle.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/unordered/unordered_flat_map.hpp>
#include <optional>
#include <pqxx/except>
#include <pqxx/params>
#include <pqxx/result>

#include "pg/database_error.hpp"
#include "queue/arrays.hpp"
#include "queue/halving.hpp"
#include "queue/rows.hpp"
#include "queue/savepoint.hpp"
#include "queue/settle_row.hpp"
#include "queue/sql.hpp"

namespace oiab::queue {
namespace {

/// So many savepoints share a transaction: it holds locks until it ends.
constexpr std::size_t kAloneATransaction = 50;

/// Results and errors of one statement, in bytes. The server takes messages of up to 1 GB; far below that a batch costs
/// it memory for nothing, since the round trip is long paid for.
constexpr std::size_t kBytesAStatement = 32 * 1024 * 1024;

/// The first rows, as many as may travel together; at least one.
std::span<const SettleRow> front_by_bytes(std::span<const SettleRow> rows) {
    const auto bytes_of = [](const std::optional<std::string>& text) { return text ? text->size() : 0; };
    std::size_t count = 0;
    for (std::size_t bytes = 0; count < rows.size(); ++count) {
        bytes += bytes_of(rows[count].result) + bytes_of(rows[count].error);
        if (count > 0 && bytes > kBytesAStatement) break;
    }
    return rows.first(count);
}

constexpr std::string_view kLockNotAvailable = "55P03";
constexpr std::string_view kDeadlockDetected = "40P01";

constexpr std::string_view kRefusal = "the server refused to store the outcome";

/// Names the refusal without the data that was refused.
std::string refusal_text(const std::string& sqlstate) { return fmt::format("{} (SQLSTATE {})", kRefusal, sqlstate); }

/// What a statement about attempts takes for $2.
enum class Epochs : std::uint8_t {
    kOne,   ///< the lease epoch that all of them have
    kEach,  ///< an array with one for each id
};

struct KeyStatement {
    const pg::Statement& sql;
    Epochs epochs;
};
constexpr KeyStatement kDeleteWithSteps{sql::settle_delete_with_steps, Epochs::kEach};
constexpr KeyStatement kReadAttempts{sql::read_attempts, Epochs::kEach};

/// Attempts by their lease epochs: those with the epoch that most of them have, where one has the majority, come first.
/// @returns how many these are
std::size_t majority_first(std::span<core::AttemptKey> keys) {
    if (keys.empty()) return 0;
    // Whatever more than half of them have is their median.
    std::vector<core::LeaseEpoch> epochs(keys.size());
    std::ranges::transform(keys, epochs.begin(), &core::AttemptKey::epoch);
    const auto median = epochs.begin() + static_cast<std::ptrdiff_t>(epochs.size() / 2);
    std::ranges::nth_element(epochs, median);
    const auto others = std::ranges::partition(keys, [&](const auto& key) { return key.epoch == *median; });
    return static_cast<std::size_t>(others.begin() - keys.begin());
}

/// One call of settle: the answers that have been found, by job.
class Batch {
public:
    Batch(pg::Session& session, const WorkerId& worker, std::span<const Settlement> settlements)
        : session_{session}, worker_{worker} {
        answers_.reserve(settlements.size());
        places_.reserve(settlements.size());
        answered_.resize(settlements.size());
        for (const auto& settlement : settlements) {
            const auto place = answers_.size();
            answers_.push_back({.key = settlement.key});
            const auto [entry, is_new] = places_.emplace(settlement.key.id, place);
            if (!is_new && settlement.key.epoch > answers_[entry->second].key.epoch) entry->second = place;
        }
    }

    /// False for an attempt whose job has a later one in this batch: it is lost, and nothing is written.
    [[nodiscard]] bool is_latest(std::size_t place) const {
        const auto entry = places_.find(answers_[place].key.id);
        return entry != places_.end() && entry->second == place;
    }

    /// Completed without a result, and in no lane: ids and epochs are all that travels, and their number comes back.
    void settle_completed(std::span<const core::AttemptKey> keys, const KeyStatement& statement) {
        write_keys_halving(keys, [&](std::span<const core::AttemptKey> part) {
            const auto rows = write_keys(statement, part);
            // Where some are not ours the look at the end tells which.
            if (rows.affected_rows() != static_cast<pqxx::result::size_type>(part.size())) return;
            for (const auto& key : part) {
                auto& answer = answer_of(key.id);
                answer.state = SettleState::kCompleted;
                found(answer);
            }
        });
    }

    /// Completed, not kept, in no lane and without steps.
    void settle_deleted(std::span<const core::AttemptKey> keys, const KeyStatement& statement) {
        write_keys_halving(keys, [&](std::span<const core::AttemptKey> part) {
            for (const auto& row : write_keys(statement, part)) {
                auto& answer = answer_of(job_id_of(row.begin()));
                answer.state = SettleState::kCompleted;
                found(answer);
            }
        });
    }

    /// Completed, and not kept.
    void settle_deleted_with_steps(std::span<const core::AttemptKey> keys) {
        write_keys_halving(keys, [&](std::span<const core::AttemptKey> part) {
            for (const auto& row : write_keys(kDeleteWithSteps, part)) {
                auto& answer = answer_of(job_id_of(row[0]));
                answer.state = SettleState::kCompleted;
                answer.serial_key = text_of(row[1]);
                found(answer);
            }
        });
    }

    /// Any outcomes, in one statement where they are not too large and the server accepts them all.
    void settle_rows(std::span<const SettleRow> rows) {
        const auto write = [&](std::span<const SettleRow> part) {
            const auto written = pg::autocommit(session_, [&](pg::Transaction& tx) {
                return tx.run(sql::settle_batch, settle_parameters(worker_, part, false));
            });
            for (const auto& row : written) {
                const auto id = job_id_of(row[0]);
                if (row[1].view() == "alone") alone_.push_back(row_of(part, id));
                else found(answer_of(id) = settled_of(answer_of(id).key, row));
            }
        };
        const auto refuse = [&](const SettleRow& row, const pg::DatabaseError& error) {
            // What was refused is gone from the row; should even this be refused, the schema is broken.
            if (row.error && row.error->starts_with(kRefusal)) throw error;
            settle_refused(row.key, error);
        };
        while (!rows.empty()) {
            const auto some = front_by_bytes(rows);
            write_halving(some, write, refuse);
            rows = rows.subspan(some.size());
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
        for (const auto& [id, place] : places_)
            if (!answered_[place]) missing.push_back(answers_[place].key);
        if (!missing.empty()) {
            for (const auto& row : write_keys(kReadAttempts, missing)) {
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
    pqxx::result write_keys(const KeyStatement& statement, std::span<const core::AttemptKey> keys) {
        return pg::autocommit(session_, [&](pg::Transaction& tx) {
            if (statement.epochs == Epochs::kOne)
                return tx.run(statement.sql, pqxx::params{id_array(keys), keys.front().epoch.value, worker_.value});
            auto arrays = key_arrays(keys);
            return tx.run(statement.sql, pqxx::params{std::move(arrays.ids), std::move(arrays.epochs), worker_.value});
        });
    }

    template <typename Write>
    void write_keys_halving(std::span<const core::AttemptKey> keys, const Write& write) {
        write_halving(keys, write,
                      [&](const core::AttemptKey& key, const pg::DatabaseError& error) { settle_refused(key, error); });
    }

    void settle_refused(const core::AttemptKey& key, const pg::DatabaseError& error) {
        const auto failed = failed_row(key, core::FailureReason::kError, refusal_text(error.sqlstate()));
        settle_rows({&failed, 1});
    }

    Settled& answer_of(const core::JobId& id) {
        const auto place = places_.find(id);
        if (place == places_.end()) throw std::logic_error{"a settle answered for a job that it was not asked about"};
        return answers_[place->second];
    }
    /// Not missing any more.
    void found(const Settled& answer) { answered_[static_cast<std::size_t>(&answer - answers_.data())] = true; }

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
            } else if (pg::is_bad_data(error.sqlstate())) {
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
    boost::unordered_flat_map<core::JobId, std::size_t, std::hash<core::JobId>> places_;  ///< of each job's answer
    std::vector<bool> answered_;
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
                                 bool deletes) {
    Batch batch{session, worker, settlements};
    std::vector<core::AttemptKey> completed;
    std::vector<core::AttemptKey> completed_with_steps;  // or in a lane
    std::vector<SettleRow> rows;
    completed.reserve(settlements.size());
    for (std::size_t i = 0; i < settlements.size(); ++i) {
        if (!batch.is_latest(i)) continue;
        const auto& settlement = settlements[i];
        const auto* done = std::get_if<core::Completed>(&settlement.outcome);
        if (done != nullptr && deletes && (settlement.keyed || settlement.stepped)) {
            completed_with_steps.push_back(settlement.key);
        } else if (done != nullptr && (deletes || (done->result.empty() && !settlement.keyed))) {
            completed.push_back(settlement.key);
        } else if (auto row = settle_row_of(settlement)) {
            rows.push_back(std::move(*row));
        } else {
            batch.answer_without_write(i, state_of(settlement.outcome));
        }
    }
    const auto same = std::span{completed}.first(majority_first(completed));
    const auto others = std::span{completed}.subspan(same.size());
    if (deletes) {
        batch.settle_deleted(same, {sql::settle_delete, Epochs::kOne});
        batch.settle_deleted(others, {sql::settle_delete_pairs, Epochs::kEach});
    } else {
        batch.settle_completed(same, {sql::settle_completed, Epochs::kOne});
        batch.settle_completed(others, {sql::settle_completed_pairs, Epochs::kEach});
    }
    batch.settle_deleted_with_steps(completed_with_steps);
    batch.settle_rows(rows);
    batch.settle_alone();
    return std::move(batch).finish();
}

}  // namespace

std::vector<Settled> settle(pg::Session& session, const WorkerId& worker, std::span<const Settlement> batch) {
    return settle_with(session, worker, batch, false);
}

std::vector<Settled> settle_and_delete(pg::Session& session, const WorkerId& worker,
                                       std::span<const Settlement> batch) {
    return settle_with(session, worker, batch, true);
}

std::size_t delete_completed(pg::Session& session, const WorkerId& worker, std::span<const core::AttemptKey> keys) {
    std::size_t gone = 0;
    const auto write = [&](std::span<const core::AttemptKey> part) {
        auto arrays = key_arrays(part);
        gone += pg::autocommit(session, [&](pg::Transaction& tx) {
            return static_cast<std::size_t>(
                tx.run(sql::delete_completed,
                       pqxx::params{std::move(arrays.ids), std::move(arrays.epochs), worker.value})
                    .size());
        });
    };
    write_halving(keys, write, [](const core::AttemptKey&, const pg::DatabaseError&) {});
    return gone;
}

bool complete_in(pg::Transaction& tx, const Guard& guard, const std::string& result) {
    const std::optional<std::string> stored = result.empty() ? std::nullopt : std::optional{result};
    return !tx.run(sql::complete,
                   pqxx::params{guard.key.id.to_string(), guard.key.epoch.value, guard.worker.value, stored})
                .empty();
}

}  // namespace oiab::queue
