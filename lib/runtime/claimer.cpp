#include "runtime/claimer.hpp"

#include <algorithm>
#include <array>

#include "queue/lanes.hpp"
#include "queue/pauses.hpp"

namespace oiab::runtime {
namespace {

using std::chrono::milliseconds;

/// The enqueue trigger lets one of several concurrent producers notify; those that were passed over commit moments
/// later. Looking again after these pauses finds them without a notification of their own.
constexpr std::array kFollowUps{milliseconds{2}, milliseconds{10}, milliseconds{50}};
/// Due rows that other workers had locked are looked for again after a pause that doubles up to this.
constexpr milliseconds kLongestContention{64};

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
      hooks_{std::move(hooks)} {}

Claimer::~Claimer() {
    request_stop();
    join();
}

void Claimer::jobs_were_enqueued() {
    {
        const std::scoped_lock lock{hints_mutex_};
        enqueued_ = true;
    }
    ring();
}

void Claimer::lanes_changed(std::string lane) {
    {
        const std::scoped_lock lock{hints_mutex_};
        lanes_.insert(std::move(lane));
        enqueued_ = true;
    }
    ring();
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
        wait(next);
        if (stopping()) return;
        try {
            follow_hints();
            next = look();
            note_success();
        } catch (const pg::DatabaseError& e) {
            note_trouble(e);
            // What was announced meanwhile is forgotten by nobody: everything is looked at again.
            pauses_changed();
            polled_at_ = {};
            next = in(trouble_pause());
            wait(next);
        }
    }
}

void Claimer::follow_hints() {
    std::set<std::string> lanes;
    bool pauses = false;
    bool enqueued = false;
    {
        const std::scoped_lock lock{hints_mutex_};
        lanes.swap(lanes_);
        pauses = std::exchange(pauses_changed_, false);
        enqueued = std::exchange(enqueued_, false);
    }
    const bool poll_due = world_.clock.now() - polled_at_ >= settings_.poll_interval;
    if (enqueued) follow_up_ = kFollowUps.size();
    if (pauses || poll_due) refresh_kinds(true);
    if (enqueued && !pauses && !poll_due && registry_.has_patterns()) refresh_kinds(true);
    if (!lanes.empty()) {
        const std::vector<std::string> keys(lanes.begin(), lanes.end());
        queue::advance_lanes(session(), keys);
    }
    if (poll_due) {
        const auto sweep = queue::sweep_lanes(session(), sweep_from_);
        sweep_from_ = sweep.next;
        polled_at_ = world_.clock.now();
    }
}

bool Claimer::takes(std::string_view kind) const {
    if (registry_.find(kind) == nullptr) return false;
    if (settings_.kinds.empty()) return true;
    return std::ranges::any_of(settings_.kinds, [kind](std::string_view pattern) {
        return pattern.ends_with('*') ? kind.starts_with(pattern.substr(0, pattern.size() - 1)) : kind == pattern;
    });
}

void Claimer::refresh_kinds(bool patterns_too) {
    std::set<std::string> kinds;
    for (auto& kind : registry_.exact_kinds())
        if (takes(kind)) kinds.insert(std::move(kind));
    pg::in_transaction(session(), std::function<void(pg::Transaction&)>{[&](pg::Transaction& tx) {
                           all_paused_ = false;
                           paused_kinds_.clear();
                           paused_tenants_.clear();
                           for (auto& pause : queue::load_pauses(tx)) {
                               if (pause.scope == queue::PauseScope::kAll) all_paused_ = true;
                               if (pause.scope == queue::PauseScope::kKind) paused_kinds_.insert(std::move(pause.name));
                               else if (pause.scope == queue::PauseScope::kTenant)
                                   paused_tenants_.insert(std::move(pause.name));
                           }
                           if (!patterns_too || !registry_.has_patterns()) return;
                           for (auto& kind : queue::load_ready_kinds(tx))
                               if (takes(kind)) kinds.insert(std::move(kind));
                       }});
    std::erase_if(kinds, [this](const auto& kind) { return all_paused_ || paused_kinds_.contains(kind); });
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
    switch (claim(wanted)) {
        case Found::kAll: return in(milliseconds::zero());
        case Found::kSome: contended_ = 0; break;
        case Found::kNothing: break;
    }
    hungry_.store(false, std::memory_order_release);
    return until_next().or_earlier(poll);
}

core::Deadline Claimer::until_next() {
    if (follow_up_ > 0) return in(kFollowUps[kFollowUps.size() - follow_up_--]);
    const auto due = pg::autocommit(session(), [this](pg::Transaction& tx) { return queue::next_due(tx, kinds_); });
    if (!due) return core::Deadline::never();
    if (*due > milliseconds::zero()) {
        contended_ = 0;
        return in(*due);
    }
    const auto pause = std::min(milliseconds{1 << std::min(contended_++, 10)}, kLongestContention);
    return in(pause / 2 +
              milliseconds{static_cast<std::int64_t>(world_.random.uniform() * static_cast<double>(pause.count()))});
}

Claimer::Found Claimer::claim(std::size_t wanted) {
    const auto started = world_.clock.now();
    auto jobs = pg::autocommit(session(), [&](pg::Transaction& tx) {
        return queue::claim(
            tx,
            {.worker = world_.worker, .kinds = kinds_, .limit = static_cast<int>(wanted), .lease = settings_.lease});
    });
    if (jobs.empty()) return Found::kNothing;
    const auto found = jobs.size() < wanted ? Found::kSome : Found::kAll;
    std::vector<AttemptPtr> attempts;
    attempts.reserve(jobs.size());
    const Registry::Entry* entry = nullptr;
    const std::string* entry_kind = nullptr;
    for (auto& job : jobs) {
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
    return found;
}

}  // namespace oiab::runtime
