#include "runtime/retention_walk.hpp"

#include <algorithm>

namespace oiab::runtime {
namespace {

using std::chrono::milliseconds;

/// How often the retention is looked at; for tidiness alone, so the number has no deeper reason.
constexpr std::chrono::minutes kPurgeInterval{1};
/// How often the tables are walked in full: for old jobs whose ids do not tell their age, and for steps whose job
/// another client deleted. A walk reads all rows, so it is rare.
constexpr std::chrono::hours kSweepInterval{6};
/// Rows of one sort that a transaction looks at: milliseconds of work, so that nobody waits for its locks.
constexpr int kPageRows = 1'000;
constexpr int kRests = 9;
/// A page that took its time because the server stood still says nothing about the next one.
constexpr milliseconds kLongestRest{10'000};

}  // namespace

RetentionWalk::RetentionWalk(Settings settings, const core::Clock& clock, const observe::Log& log)
    : settings_{std::move(settings)}, clock_{clock}, log_{log}, told_at_{clock.now()} {}

milliseconds RetentionWalk::do_page(pg::Session& session) {
    const auto began = clock_.now();
    const auto due = [began](const std::optional<core::SteadyTime>& last, std::chrono::minutes interval) {
        return !last || began - *last >= interval;
    };
    if (due(swept_at_, kSweepInterval)) sweep(session);
    else if (settings_.retention > milliseconds::zero() && due(jobs_purged_at_, kPurgeInterval)) purge_jobs(session);
    else if (settings_.purge_beside && due(beside_purged_at_, kPurgeInterval)) purge_beside(session);
    else return kPurgeInterval;
    const auto took = std::chrono::ceil<milliseconds>(clock_.now() - began);
    return std::min(took * kRests, kLongestRest);
}

void RetentionWalk::sweep(pg::Session& session) {
    const auto page = pg::in_transaction(
        session, [&](pg::Transaction& tx) { return queue::purge_orphan_steps(tx, sweep_from_, kPageRows); });
    steps_deleted_ += page.deleted;
    sweep_from_ = page.next.value_or(queue::StepCursor{});
    if (!page.next) {
        swept_at_ = clock_.now();
        purge_whole_table_ = true;
    }
    tell(!page.next);
}

void RetentionWalk::purge_jobs(pg::Session& session) {
    const auto retention = std::chrono::ceil<std::chrono::seconds>(settings_.retention);
    const auto page = pg::in_transaction(session, [&](pg::Transaction& tx) {
        return queue::purge(tx, retention, purge_from_, kPageRows, purge_whole_table_);
    });
    jobs_deleted_ += page.deleted;
    purge_from_ = page.next.value_or(queue::PurgeCursor{});
    if (!page.next) {
        jobs_purged_at_ = clock_.now();
        purge_whole_table_ = false;
    }
    tell(!page.next);
}

void RetentionWalk::purge_beside(pg::Session& session) {
    const auto most =
        pg::in_transaction(session, [&](pg::Transaction& tx) { return settings_.purge_beside(tx, kPageRows); });
    if (most < static_cast<std::size_t>(kPageRows)) beside_purged_at_ = clock_.now();
}

/// One line a walk, and one a minute in a long one.
void RetentionWalk::tell(bool walk_ended) {
    const auto now = clock_.now();
    if (!walk_ended && now - told_at_ < kPurgeInterval) return;
    told_at_ = now;
    if (jobs_deleted_ > 0) log_.info("finished jobs beyond the retention deleted", {{"jobs", jobs_deleted_}});
    if (steps_deleted_ > 0) log_.info("steps without a job deleted", {{"steps", steps_deleted_}});
    jobs_deleted_ = 0;
    steps_deleted_ = 0;
}

}  // namespace oiab::runtime
