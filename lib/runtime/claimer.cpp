#include "runtime/claimer.hpp"

#include <algorithm>
#include <array>

#include "queue/lanes.hpp"
#include "queue/lease.hpp"
#include "queue/pauses.hpp"
#include "queue/settle.hpp"

namespace oiab::runtime {
namespace {

using std::chrono::milliseconds;

/// The enqueue trigger lets one of several producers that commit at once notify; those that were passed over commit
/// moments later. While there are any, a look follows after each of these pauses, the last one again and again.
constexpr std::array kFollowUps{milliseconds{2}, milliseconds{10}, milliseconds{50}};
/// Due rows that other workers had locked are looked for again after a pause that doubles up to this.
constexpr milliseconds kLongestContention{64};
/// Lanes that are advanced between two claims, about 10 ms: of thousands the first are to run at once.
constexpr std::size_t kLanesBetweenClaims = 200;
/// For so long after the session broke a claim that was under way may still be carried out: a server's
/// statement_timeout and more.
constexpr std::chrono::seconds kDoubt{60};

core::Deadline in(milliseconds wait) { return core::Deadline::after(wait); }

}  // namespace

Claimer::Claimer(pg::SessionSettings session, Settings settings, const Registry& registry, Executor& executor,
                 AttemptTable& attempts, AttemptWorld& world, Hooks hooks, EngineFailed failed)
    : Service{"claim", std::move(session), std::move(failed), world.log},
      settings_{std::move(settings)},
      registry_{registry},
      executor_{executor},
      attempts_{attempts},
      world_{world},
      hooks_{std::move(hooks)},
      gathering_{settings_.slots} {}

Claimer::~Claimer() {
    request_stop();
    join();
}

void Claimer::lanes_changed(std::string lane) {
    {
        const std::scoped_lock lock{hints_mutex_};
        lanes_.add(std::move(lane));
        enqueued_ = true;
    }
    ring();
}

bool Claimer::has_lanes() {
    const std::scoped_lock lock{hints_mutex_};
    return !lanes_.empty();
}

void Claimer::pauses_changed() {
    {
        const std::scoped_lock lock{hints_mutex_};
        pauses_changed_ = true;
        enqueued_ = true;
    }
    ring();
}

void Claimer::room_was_made() {
    if (hungry_.load(std::memory_order_acquire)) ring();
}

void Claimer::jobs_were_put_back() { ring(); }

void Claimer::serve() {
    auto next = in(milliseconds::zero());
    while (!stopping()) {
        try {
            wait_for_hints(next);
            if (stopping()) return;
            follow_hints();
            next = look();
            if (has_lanes()) next = in(milliseconds::zero());
            note_success();
        } catch (const pg::DatabaseError& e) {
            note_trouble(e);
            if (e.trouble() != pg::Trouble::kRefused && e.trouble() != pg::Trouble::kRetry)
                doubtful_until_ = world_.clock.now() + kDoubt;
            // What was announced meanwhile is forgotten by nobody: everything is looked at again.
            pauses_changed();
            polled_at_ = {};
            next = in(trouble_pause());
            wait(next);
        }
    }
}

void Claimer::wait_for_hints(core::Deadline until) {
    if (!settings_.listen) return wait(until);
    if (!wait(until, jobs_channel_)) return;
    const std::scoped_lock lock{hints_mutex_};
    enqueued_ = true;
}

void Claimer::follow_hints() {
    std::vector<std::string> lanes;
    bool pauses = false;
    bool enqueued = settings_.listen && jobs_channel_.listen(session());
    {
        const std::scoped_lock lock{hints_mutex_};
        lanes = lanes_.take(kLanesBetweenClaims);
        pauses = std::exchange(pauses_changed_, false);
        enqueued = std::exchange(enqueued_, false);
    }
    const bool poll_due = world_.clock.now() - polled_at_ >= settings_.poll_interval;
    if (enqueued) {
        follow_up_ = 0;
        marks_.hint();
    }
    if (pauses || poll_due) load_pauses();
    if (pauses || poll_due || (enqueued && registry_.has_patterns())) refresh_kinds();
    if (!lanes.empty()) queue::advance_lanes(session(), lanes);
    if (polled_at_ == core::SteadyTime{} || poll_due) release_unknown();
    if (!resumed_) {
        resumed_ = true;
        const auto frontier = pg::autocommit(session(), queue::read_frontier);
        if (frontier) marks_.resume(*frontier, kinds_, world_.clock.now());
    }
    if (poll_due) {
        marks_.hint();
        const auto sweep = queue::sweep_lanes(session(), sweep_from_);
        sweep_from_ = sweep.next;
        polled_at_ = world_.clock.now();
    }
}

void Claimer::release_unknown() {
    if (world_.clock.now() >= doubtful_until_) return;
    const auto held =
        pg::autocommit(session(), [this](pg::Transaction& tx) { return queue::find_held(tx, world_.worker); });
    std::vector<queue::Settlement> unknown;
    for (const auto& key : held) {
        const auto known = attempts_.find(key.id);
        if (!known || known->job().lease_epoch != key.epoch) unknown.push_back({key, core::Released{}});
    }
    if (unknown.empty()) return;
    static_cast<void>(queue::settle(session(), world_.worker, unknown));
    log().info("jobs given back whose claim had been answered to nobody", {{"jobs", unknown.size()}});
}

bool Claimer::takes(std::string_view kind) const {
    if (registry_.find(kind) == nullptr) return false;
    if (settings_.kinds.empty()) return true;
    return std::ranges::any_of(settings_.kinds, [kind](std::string_view pattern) {
        return pattern.ends_with('*') ? kind.starts_with(pattern.substr(0, pattern.size() - 1)) : kind == pattern;
    });
}

void Claimer::load_pauses() {
    const auto pauses = pg::autocommit(session(), [](pg::Transaction& tx) { return queue::load_pauses(tx); });
    all_paused_ = false;
    paused_kinds_.clear();
    paused_tenants_.clear();
    for (const auto& pause : pauses) {
        switch (pause.scope) {
            case queue::PauseScope::kAll: all_paused_ = true; break;
            case queue::PauseScope::kKind: paused_kinds_.insert(pause.name); break;
            case queue::PauseScope::kTenant: paused_tenants_.insert(pause.name); break;
        }
    }
}

void Claimer::refresh_kinds() {
    std::set<std::string> kinds;
    const auto add = [&](std::vector<std::string> candidates) {
        for (auto& kind : candidates)
            if (takes(kind) && !paused_kinds_.contains(kind)) kinds.insert(std::move(kind));
    };
    if (!all_paused_) {
        add(registry_.exact_kinds());
        if (registry_.has_patterns())
            add(pg::autocommit(session(), [](pg::Transaction& tx) { return queue::load_ready_kinds(tx); }));
    }
    kinds_.assign(kinds.begin(), kinds.end());
}

core::Deadline Claimer::look() {
    const auto poll = core::Deadline::after(
        settings_.poll_interval +
        milliseconds{static_cast<std::int64_t>(world_.random.uniform() *
                                               static_cast<double>(settings_.poll_interval.count()) / 10)});
    if (kinds_.empty()) return poll;
    if (!hooks_.may_claim()) {
        hungry_.store(true, std::memory_order_release);
        return in(milliseconds{100}).or_earlier(poll);
    }
    // Set before looking at the room: a commit that makes room in between rings, and none is missed.
    hungry_.store(true, std::memory_order_release);
    const auto wanted = std::min(executor_.wanted(), static_cast<std::size_t>(settings_.max_batch));
    if (wanted == 0) return poll;
    const auto now = world_.clock.now();
    if (const auto until = gathering_.wait(wanted, now)) return core::Deadline{*until};
    if (const auto until = turn_.wait(now)) return core::Deadline{*until};
    switch (claim(wanted)) {
        case Found::kAll: return in(milliseconds::zero());
        case Found::kNotOurTurn: return core::Deadline{turn_.wait(now).value_or(now)};
        case Found::kSome: contended_ = 0; break;
        case Found::kNothing: break;
    }
    hungry_.store(false, std::memory_order_release);
    auto next = until_next().or_earlier(poll);
    if (const auto look = marks_.look_at()) next = next.or_earlier(core::Deadline{*look});
    return next;
}

core::Deadline Claimer::until_next() {
    if (follow_up_) {
        // Asked before the look that finds what they have committed.
        if (pg::autocommit(session(), queue::producers_are_committing))
            return in(kFollowUps.at(std::min((*follow_up_)++, kFollowUps.size() - 1)));
        follow_up_.reset();
        marks_.hint();
        return in(milliseconds::zero());
    }
    const auto due =
        pg::autocommit(session(), [this](pg::Transaction& tx) { return queue::next_due(tx, kinds_, marks_.known()); });
    if (!due) return core::Deadline::never();
    if (*due > milliseconds::zero()) {
        contended_ = 0;
        // Never longer than to the next poll, whatever year somebody wrote.
        return in(std::min(*due, settings_.poll_interval));
    }
    const auto pause = std::min(milliseconds{1 << std::min(contended_++, 10)}, kLongestContention);
    return in(pause / 2 +
              milliseconds{static_cast<std::int64_t>(world_.random.uniform() * static_cast<double>(pause.count()))});
}

bool Claimer::stands_back() {
    if (!pg::autocommit(session(), queue::claim_is_under_way)) return false;
    const auto now = world_.clock.now();
    turn_.refused(now, world_.random.uniform());
    if (turn_.is_impatient(now)) turn_.found_claiming(pg::autocommit(session(), queue::find_claim_under_way), now);
    marks_.among_others(now);
    return true;
}

Claimer::Found Claimer::claim(std::size_t wanted) {
    const bool in_turn = turn_.asks(wanted, world_.clock.now());
    // Who was refused asks in few words first.
    if (in_turn && turn_.was_refused() && stands_back()) return Found::kNotOurTurn;
    if (in_turn && marks_.follows(world_.clock.now())) {
        if (const auto frontier = pg::autocommit(session(), queue::read_frontier)) marks_.follow(*frontier, kinds_);
    }
    const auto started = world_.clock.now();
    const auto marks = marks_.at(started);
    const bool everything = marks.empty();
    auto jobs = pg::autocommit(session(), [&](pg::Transaction& tx) {
        return queue::claim(tx, {.worker = world_.worker,
                                 .kinds = kinds_,
                                 .limit = static_cast<int>(wanted),
                                 .lease = settings_.lease,
                                 .low_water = marks,
                                 .in_turn = in_turn});
    });
    const auto ended = world_.clock.now();
    if (jobs.empty() && in_turn) {
        // Nothing was there, or somebody else was claiming.
        if (!stands_back()) turn_.came_back_empty();
        return Found::kNotOurTurn;
    }
    const bool got_all = jobs.size() == wanted;
    gathering_.note(got_all);
    turn_.note(jobs.size(), wanted);
    marks_.note(jobs, got_all, everything, started, ended);
    // A claim above the marks that comes back short tells nothing about what is below.
    const bool look_again = !everything && marks_.at(ended).empty();
    if (jobs.empty()) return look_again ? Found::kAll : Found::kNothing;
    const auto found = got_all || look_again ? Found::kAll : Found::kSome;
    std::vector<AttemptPtr> attempts;
    attempts.reserve(jobs.size());
    const Registry::Entry* entry = nullptr;
    const std::string* entry_kind = nullptr;
    for (auto& job : jobs) {
        // A crash of the server may undo a claim (claim.sql). Whoever runs the job already then holds the same epoch
        // again: it stays the one attempt, with a lease that has just been renewed.
        const auto former = attempts_.find(job.id);
        if (former && former->job().lease_epoch == job.lease_epoch) {
            former->lease_renewed(started);
            continue;
        }
        // Batches are mostly of one kind.
        if (entry_kind == nullptr || *entry_kind != job.kind) entry = registry_.find(job.kind);
        auto attempt = std::make_shared<LiveAttempt>(std::move(job), entry, world_, started);
        entry_kind = &attempt->job().kind;
        attempts.push_back(std::move(attempt));
    }
    attempts_.add(attempts);
    if (!paused_tenants_.empty()) {
        std::erase_if(attempts, [this](const AttemptPtr& attempt) {
            const auto& tenant = attempt->job().tenant_id;
            if (!tenant || !paused_tenants_.contains(tenant->to_string())) return false;
            hooks_.settle(attempt, core::Released{});
            return true;
        });
    }
    executor_.submit(std::move(attempts));
    if (const auto frontier = marks_.to_tell(ended))
        pg::autocommit(session(), [&](pg::Transaction& tx) { queue::write_frontier(tx, *frontier); });
    return found;
}

}  // namespace oiab::runtime
