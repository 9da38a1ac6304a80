#include "runtime/janitor.hpp"

#include <algorithm>

#include "queue/lanes.hpp"
#include "queue/pauses.hpp"
#include "queue/workers.hpp"

namespace oiab::runtime {
namespace {

/// The age at which the row of a silent worker is forgotten: for tidiness alone, so the number has no deeper reason.
constexpr std::chrono::hours kForgetWorkersAfter{1};
/// After each page of unfinished rows the rescue rests so many times as long as the page took: a walk past a large
/// backlog took 5 % of the speed of a drain otherwise, 1.7 µs a row (docs/performance.md). It rests no more once it has
/// used up the share of a lease below, so that lapsed leases are found in time.
constexpr int kRescueRests = 29;
constexpr int kRescueShareOfLease = 4;
/// The errand comes back after no less: something may be due that is somebody else's at this moment.
constexpr std::chrono::milliseconds kErrandRest{50};
/// A refusal, somebody's foreign key on jobs for one, lasts until a person does something about it.
constexpr std::chrono::milliseconds kRefusedRetentionRest{60'000};

/// What it may not do, or lost a race for, says nothing about the rest of the house.
bool says_nothing_about_the_rest(const pg::DatabaseError& error) {
    return error.trouble() == pg::Trouble::kRefused || error.trouble() == pg::Trouble::kRetry;
}

}  // namespace

Janitor::Janitor(pg::SessionSettings session, Settings settings, AttemptWorld& world, observe::Metrics& metrics,
                 EngineFailed failed)
    : Service{"janitor", std::move(session), std::move(failed), world.log},
      settings_{std::move(settings)},
      world_{world},
      rescue_from_{world.clock.now()},
      last_round_{world.clock.now()},
      retention_{{.retention = settings_.retention, .purge_beside = settings_.purge_beside}, world.clock, world.log},
      snapshots_{settings_.snapshot_warning, world.clock, world.log, metrics},
      leader_{metrics.gauge("oiab_leader", "1 while this worker is the leader, who keeps house for all.")} {
    leader_.set(0);
}

Janitor::~Janitor() {
    request_stop();
    join();
}

void Janitor::serve() {
    auto next = core::Deadline::after(std::chrono::milliseconds::zero());
    while (!stopping()) {
        // Only a leader has more to wake for than the next round.
        auto until = term_ ? next.or_earlier(retention_due_) : next;
        if (settings_.errand && term_) until = until.or_earlier(errand_due_);
        wait(until);
        if (stopping()) break;
        notice_standstill();
        try {
            if (next.reached()) {
                keep_house();
                next = core::Deadline::after(
                    round() + std::chrono::milliseconds{static_cast<std::int64_t>(
                                  world_.random.uniform() * static_cast<double>(settings_.lease.count()) / 20)});
            }
            run_errand();
            purge_page();
            note_success();
        } catch (const pg::DatabaseError& e) {
            note_trouble(e);
            cease_to_lead();
            if (!says_nothing_about_the_rest(e)) rescue_from_ = world_.clock.now() + settings_.lease;
            next = core::Deadline::after(trouble_pause());
        }
    }
    if (!term_) return;
    cease_to_lead();
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
    snapshots_.look_if_due(session());
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
        if (!says_nothing_about_the_rest(e)) throw;
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
    if (term && term != led_term_) {
        log().info("this worker is the leader now", {{"term", *term}});
        errand_may_be_due_.store(true, std::memory_order_release);
        retention_due_ = core::Deadline::after(settings_.retention_delay);
        const auto uptime = pg::autocommit(session(), [](pg::Transaction& tx) { return queue::server_uptime(tx); });
        rescue_from_ = std::max(rescue_from_, world_.clock.now() + settings_.lease - uptime);
        // Where everybody left in good order nothing has lapsed, and the start of a drain is a bad moment for a walk.
        const bool silence = pg::autocommit(
            session(), [this](pg::Transaction& tx) { return queue::a_worker_is_silent(tx, settings_.lease); });
        if (!silence) rescue_from_ = std::max(rescue_from_, world_.clock.now() + round());
    }
    if (!term && led_term_) log().info("another worker is the leader now");
    if (!term) cease_to_lead();
    term_ = led_term_ = term;
    if (term) leader_.set(1);
    return term.has_value();
}

void Janitor::cease_to_lead() {
    term_.reset();
    leader_.set(0);
    snapshots_.forget_look();
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

void Janitor::purge_page() {
    if (!term_ || !retention_due_.reached()) return;
    auto wait = kRefusedRetentionRest;
    try {
        wait = retention_.do_page(session());
    } catch (const pg::DatabaseError& e) {
        if (!says_nothing_about_the_rest(e)) throw;
        log().warn("the retention could not delete and is tried again", {{"error", e.what()}});
    }
    retention_due_ = core::Deadline::after(wait);
}

}  // namespace oiab::runtime
