#pragma once
/// @file  Deletes what has outlived its use, a page at a time with rests between the pages: finished jobs, steps
/// without a job, rows beside the jobs. The Janitor's, in its thread.

#include <functional>
#include <optional>

#include "core/clock.hpp"
#include "observe/log.hpp"
#include "pg/transaction.hpp"
#include "queue/operations.hpp"

namespace oiab::runtime {

/// Removes at most `batch` rows of each sort that has outlived its use beside the jobs. @returns how many rows of the
/// sort with the most went: fewer than `batch` = none is left.
using PurgeBeside = std::function<std::size_t(pg::Transaction& tx, int batch)>;

class RetentionWalk {
public:
    struct Settings {
        std::chrono::milliseconds retention{0};  ///< zero: finished jobs are kept
        PurgeBeside purge_beside;                ///< empty: the jobs alone are looked after
    };

    RetentionWalk(Settings settings, const core::Clock& clock, const observe::Log& log);

    /// Looks through one page, if any is due, in a transaction of milliseconds. Blocks. @throws pg::DatabaseError
    /// @returns how long to rest: nine times as long as the page took, so that a purge takes a tenth of one session's
    /// time whatever there is to delete; longer where nothing is due.
    [[nodiscard]] std::chrono::milliseconds do_page(pg::Session& session);

private:
    void sweep(pg::Session& session);
    void purge_jobs(pg::Session& session);
    void purge_beside(pg::Session& session);
    void tell(bool walk_ended);

    const Settings settings_;
    const core::Clock& clock_;
    const observe::Log& log_;
    /// When the last walk of each sort came to its end.
    std::optional<core::SteadyTime> swept_at_, jobs_purged_at_, beside_purged_at_;
    /// Where the walks go on.
    queue::StepCursor sweep_from_;
    queue::PurgeCursor purge_from_;
    bool purge_whole_table_ = true;
    /// Deleted and not yet told.
    int jobs_deleted_ = 0;
    int steps_deleted_ = 0;
    core::SteadyTime told_at_;
};

}  // namespace oiab::runtime
