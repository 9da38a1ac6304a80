#pragma once
/// @file  Enqueues jobs from other people's programs, in the caller's own libpqxx transaction: a job is there if and
/// only if the transaction commits. C++17 and libpqxx 7.10; any thread, as long as the transaction is that thread's.
///
///     pqxx::work tx{connection};
///     tx.exec("UPDATE orders SET state = 'paid' WHERE id = 7");
///     oiab::client::NewJob job;
///     job.kind = "send-receipt";
///     job.payload = R"({"order": 7})";
///     oiab::client::enqueue(tx, job);
///     tx.commit();
///
/// Built with `find_package(oiabd-client)`, target `oiabd::client`. The role needs INSERT on jobs, and for batches
/// TEMPORARY on the database, which every role has unless it was taken away. What the server refuses is thrown as
/// libpqxx throws it.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace pqxx {
class transaction_base;
}

namespace oiab::client {

/// A job to enqueue. What is left empty gets the column's default.
struct NewJob {
    std::string kind;            ///< which handler runs it
    std::string payload = "{}";  ///< JSON text
    /// No second pending job with this key; running and finished jobs do not count.
    std::optional<std::string> dedupe_key;
    std::optional<std::chrono::system_clock::time_point> run_at;  ///< not before this time
    std::optional<std::chrono::milliseconds> delay;               ///< from the transaction's start; run_at wins
    std::optional<int> max_attempts;
    std::optional<int> priority;                  ///< lower comes first, -32768 to 32767
    std::optional<std::string> serial_key;        ///< jobs with the same key run one at a time, in order
    std::optional<std::string> tenant_id;         ///< UUID
    std::optional<std::string> user_id;           ///< UUID
    std::optional<std::chrono::seconds> timeout;  ///< of one attempt
};

/// The row that is there now, and whether this call put it there.
struct Enqueued {
    std::string id;
    bool inserted = true;  ///< false: a pending job has the dedupe key already, and `id` is that one's
};

/// Enqueues, or finds the pending job with the same dedupe key. One round trip; waits for a producer that has inserted
/// the key and not yet committed. @throws pqxx::failure; after a pqxx::sql_error the transaction can only be rolled
/// back
Enqueued enqueue(pqxx::transaction_base& tx, const NewJob& job);

struct BatchCounts {
    std::uint64_t enqueued = 0;
    std::uint64_t already_pending =
        0;  ///< skipped, because a pending job or an earlier one of the batch has the dedupe key
};

/// The server does not take the data of a batch. Nothing of the transaction can be committed any more.
class Refused : public std::runtime_error {
public:
    Refused(const std::string& message, std::string sqlstate, std::uint64_t first, std::uint64_t last)
        : std::runtime_error{message}, sqlstate_{std::move(sqlstate)}, first_{first}, last_{last} {}

    [[nodiscard]] const std::string& sqlstate() const noexcept { return sqlstate_; }
    /// The job that was refused, counted from 1 in the order of add(). Where the server does not say which it was, it
    /// is one of first_job() to last_job().
    [[nodiscard]] std::uint64_t first_job() const noexcept { return first_; }
    [[nodiscard]] std::uint64_t last_job() const noexcept { return last_; }

private:
    std::string sqlstate_;
    std::uint64_t first_;
    std::uint64_t last_;
};

/// Many jobs by COPY, in the caller's transaction, which must be a real one (no pqxx::nontransaction). Jobs are
/// gathered and sent in pieces, so that a batch of any length takes the memory of one piece. They keep their order in
/// lanes, and dedupe keys work as with enqueue(). For a handful of jobs enqueue() is the cheaper one.
class Batch {
public:
    static constexpr std::size_t kPieceJobs = 10'000;
    static constexpr std::size_t kPieceBytes = std::size_t{8} << 20U;

    /// The transaction must outlive the batch. A piece is sent when it has so many jobs or bytes.
    explicit Batch(pqxx::transaction_base& tx, std::size_t piece_jobs = kPieceJobs,
                   std::size_t piece_bytes = kPieceBytes);
    Batch(const Batch&) = delete;
    Batch& operator=(const Batch&) = delete;
    /// What was not sent is dropped.
    ~Batch();

    /// Sends a piece where this job completes it. @throws Refused, pqxx::failure
    void add(NewJob job);
    /// Sends what is left. More may be added afterwards. @returns the counts since the beginning
    /// @throws Refused, pqxx::failure
    BatchCounts finish();

private:
    struct State;
    std::unique_ptr<State> state_;
};

/// A batch of what is there already. @throws Refused, pqxx::failure
BatchCounts enqueue_all(pqxx::transaction_base& tx, const std::vector<NewJob>& jobs);

/// Enqueues the rest of the transaction without a notification: the NOTIFY lock of the commit is spared, and workers
/// find the jobs with the next notification of somebody else or when they poll. For bulk work that nobody waits for.
void do_not_notify(pqxx::transaction_base& tx);

}  // namespace oiab::client
