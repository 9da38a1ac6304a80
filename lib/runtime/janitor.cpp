#include "runtime/janitor.hpp"

#include <algorithm>

#include "queue/lanes.hpp"
#include "queue/pauses.hpp"
#include "queue/workers.hpp"

namespace oiab::runtime {
namespace {

/// How often the retention is looked at, and the age at which the row of a silent worker is forgotten; both are for
/// tidiness alone, so the numbers have no deeper reason.
constexpr std::chrono::minutes kPurgeInterval{1};
constexpr std::chrono::hours kForgetWorkersAfter{1};
/// How often the tables are walked in full: for old jobs whose ids do not tell their age, and for steps whose job
/// another client deleted. A walk reads all rows, so it is rare.
constexpr std::chrono::hours kSweepInterval{6};
/// After each page of unfinished rows the rescue rests so many times as long as the page took: a walk past a large
/// backlog took 5 % of the speed of a drain otherwise, 1.7 µs a row (docs/performance.md). It rests no more once it has
/// used up the share of a lease below, so that lapsed leases are found in time.
constexpr int kRescueRests = 29;
constexpr int kRescueShareOfLease = 4;
/// The errand comes back after no less: something may be due that is somebody else's at this moment.
constexpr std::chrono::milliseconds kErrandRest{50};
/// Pages of a purge in a row before the janitor looks after more urgent things again.
constexpr int kPurgePages = 50;
/// Rows of one sort that a transaction of a purge looks at: milliseconds of work, so that nobody waits for its locks.
constexpr int kPurgeBatch = 1'000;

}  // namespace

Janitor::Janitor(pg::SessionSettings session, Settings settings, AttemptWorld& world, EngineFailed failed)
    : Service{"janitor", std::move(session), std::move(failed), world.log},
      settings_{std::move(settings)},
      world_{world},
      rescue_from_{world.clock.now()},
      last_round_{world.clock.now()} {}

Janitor::~Janitor() {
    request_stop();
    join();
}

void Janitor::serve() {
    auto next = core::Deadline::after(std::chrono::milliseconds::zero());
    while (!stopping()) {
        // Only a leader has an errand to wake for.
        wait(settings_.errand && term_ ? next.or_earlier(errand_due_) : next);
        if (stopping()) break;
        notice_standstill();
        try {
            if (next.reached()) {
                keep_house();
                next = core::Deadline::after(
                    settings_.lease / 3 +
                    std::chrono::milliseconds{static_cast<std::int64_t>(
                        world_.random.uniform() * static_cast<double>(settings_.lease.count()) / 20)});
            }
            run_errand();
            note_success();
        } catch (const pg::DatabaseError& e) {
            note_trouble(e);
            term_.reset();
            if (e.trouble() != pg::Trouble::kRefused && e.trouble() != pg::Trouble::kRetry)
                rescue_from_ = world_.clock.now() + settings_.lease;
            next = core::Deadline::after(trouble_pause());
        }
    }
    if (!term_) return;
    try {
        pg::in_transaction(session(), std::function<void(pg::Transaction&)>{
                                          [this](pg::Transaction& tx) { queue::resign(tx, world_.worker); }});
    } catch (const pg::DatabaseError& e) {
        log().warn("could not step down as leader; the term lapses by itself", {{"error", e.what()}});
    }
}

void Janitor::keep_house() {
    if (!lead()) return;
    if (world_.clock.now() >= rescue_from_) rescue_all();
    tidy();
    purge_some();
}

void Janitor::errand_may_be_due() {
    errand_may_be_due_.store(true, std::memory_order_release);
    ring();
}

void Janitor::run_errand() {
    if (!settings_.errand || !term_) return;
    if (!errand_may_be_due_.exchange(false, std::memory_order_acq_rel) && !errand_due_.reached()) return;
    auto wait = kErrandRest;
    try {
        wait = settings_.errand(session()).value_or(settings_.errand_interval);
    } catch (const pg::DatabaseError& e) {
        // What it may not do, or lost a race for, says nothing about the rest of the house.
        if (e.trouble() != pg::Trouble::kRefused && e.trouble() != pg::Trouble::kRetry) throw;
        log().warn("the leader's errand failed and is tried again", {{"error", e.what()}});
        wait = settings_.errand_interval;
    }
    errand_due_ = core::Deadline::after(std::max(kErrandRest, std::min(wait, settings_.errand_interval)));
}

void Janitor::notice_standstill() {
    const auto now = world_.clock.now();
    if (now - last_round_ > settings_.lease) rescue_from_ = now + settings_.lease;
    last_round_ = now;
}

bool Janitor::lead() {
    const auto term = pg::in_transaction(
        session(), [this](pg::Transaction& tx) { return queue::lead(tx, world_.worker, settings_.lease); });
    if (term && term != term_) {
        log().info("this worker is the leader now", {{"term", *term}});
        errand_may_be_due_.store(true, std::memory_order_release);
        const auto uptime = pg::autocommit(session(), [](pg::Transaction& tx) { return queue::server_uptime(tx); });
        rescue_from_ = std::max(rescue_from_, world_.clock.now() + settings_.lease - uptime);
    }
    if (!term && term_) log().info("another worker is the leader now");
    term_ = term;
    return term_.has_value();
}

void Janitor::rescue_all() {
    queue::RescueCursor cursor;
    const queue::RescueSettings settings{.legacy_lock_timeout = settings_.legacy_lock_timeout,
                                         .max_crashes = settings_.max_crashes};
    const auto rests_end = world_.clock.now() + settings_.lease / kRescueShareOfLease;
    while (!stopping()) {
        const auto began = world_.clock.now();
        const auto page = queue::rescue(session(), settings, cursor);
        std::vector<std::string> lanes;
        for (const auto& job : page.rescued) {
            const auto id = job.id.to_string();
            log().warn(job.status == core::Status::kFailed ? "job failed: its worker went away too often"
                                                           : "job taken back from a worker that went away",
                       {{"job_id", id}, {"kind", job.kind}, {"worker", job.worker}, {"crash_count", job.crash_count}});
            if (!job.serial_key.empty()) lanes.push_back(job.serial_key);
        }
        if (!lanes.empty()) queue::advance_lanes(session(), lanes);
        if (!page.next) return;
        cursor = *page.next;
        run_errand();  // its time does not wait for a long walk
        const auto now = world_.clock.now();
        if (now < rests_end) wait(core::Deadline::after((now - began) * kRescueRests));
    }
}

void Janitor::tidy() {
    queue::restore_resumed(session());
    pg::in_transaction(session(), std::function<void(pg::Transaction&)>{[](pg::Transaction& tx) {
                           queue::prune_workers(tx,
                                                std::chrono::duration_cast<std::chrono::seconds>(kForgetWorkersAfter));
                       }});
}

void Janitor::purge_some() {
    const auto now = world_.clock.now();
    const auto due = [now](core::SteadyTime last, std::chrono::minutes interval) {
        return last == core::SteadyTime{} || now - last >= interval;
    };
    if (due(swept_at_, kSweepInterval)) sweep();
    if (settings_.retention != std::chrono::milliseconds::zero() && due(jobs_purged_at_, kPurgeInterval)) purge_jobs();
    if (settings_.purge_beside && due(beside_purged_at_, kPurgeInterval)) purge_beside();
}

void Janitor::sweep() {
    const int deleted =
        pg::in_transaction(session(), [](pg::Transaction& tx) { return queue::purge_orphan_steps(tx, kPurgeBatch); });
    if (deleted > 0) log().info("steps without a job deleted", {{"steps", deleted}});
    if (deleted >= kPurgeBatch) return;  // the next round goes on
    swept_at_ = world_.clock.now();
    purge_whole_table_ = true;
}

void Janitor::purge_jobs() {
    const auto retention = std::chrono::ceil<std::chrono::seconds>(settings_.retention);
    int deleted = 0;
    for (int page = 0; page < kPurgePages && !stopping(); ++page) {
        const auto purged = pg::in_transaction(session(), [&](pg::Transaction& tx) {
            return queue::purge(tx, retention, purge_from_, kPurgeBatch, purge_whole_table_);
        });
        deleted += purged.deleted;
        purge_from_ = purged.next.value_or(queue::PurgeCursor{});
        if (!purged.next) {
            // Only the end of the walk counts as done; otherwise the next round goes on at once.
            jobs_purged_at_ = world_.clock.now();
            purge_whole_table_ = false;
            break;
        }
    }
    if (deleted > 0) log().info("finished jobs beyond the retention deleted", {{"jobs", deleted}});
}

void Janitor::purge_beside() {
    for (int page = 0; page < kPurgePages && !stopping(); ++page) {
        const auto most =
            pg::in_transaction(session(), [&](pg::Transaction& tx) { return settings_.purge_beside(tx, kPurgeBatch); });
        if (most >= static_cast<std::size_t>(kPurgeBatch)) continue;
        beside_purged_at_ = world_.clock.now();
        return;
    }
}

}  // namespace oiab::runtime
