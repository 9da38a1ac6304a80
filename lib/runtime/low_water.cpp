#include "runtime/low_water.hpp"

#include <algorithm>
#include <utility>

namespace oiab::runtime {
namespace {

/// How long marks hold while nothing hints that a row is below them; and where others claim, who look as well.
constexpr std::chrono::seconds kLongest{1};
constexpr std::chrono::seconds kLongestAmongOthers{10};
/// Looks at everything may take one part in so many of the time.
constexpr int kLookShare = 20;
/// But what turns up below the marks waits no longer than this, and a worker that starts believes for no longer what it
/// was told: that may be of a day when looks were long.
constexpr std::chrono::seconds kLongestPutOff{60};
constexpr std::chrono::seconds kLongestAtStart{5};
/// A look that took so much longer than its rows alone would have was a long walk.
constexpr std::chrono::milliseconds kLongWalk{5};
constexpr std::chrono::microseconds kForEachRow{20};
/// A transaction that inserts may commit so much later than the rows that it dates itself before: where claims have
/// caught up, marks stay behind by it, or such a row would wait for the next look.
constexpr std::chrono::seconds kLateCommit{2};
/// How often a worker that starts later is told, while nobody else claims.
constexpr std::chrono::seconds kTellLater{1};
/// Marks that are carried; priorities and kinds beyond are looked at from their beginning.
constexpr std::size_t kMostMarks = 64;

}  // namespace

core::SteadyTime LowWaterMarks::may_look_at() const noexcept {
    const std::chrono::steady_clock::duration longest = resumed_ ? kLongestAtStart : kLongestPutOff;
    return looked_at_ + std::min(look_took_ * kLookShare, longest);
}

bool LowWaterMarks::is_among_others(core::SteadyTime now) const noexcept {
    return refused_at_ && now - *refused_at_ < kLongestAmongOthers;
}

std::span<const queue::LowWater> LowWaterMarks::at(core::SteadyTime now) const {
    const auto longest = is_among_others(now) ? kLongestAmongOthers : kLongest;
    if (now >= may_look_at() && (wanted_ || now - looked_at_ >= longest)) return {};
    return marks_;
}

void LowWaterMarks::note(std::span<const core::Job> jobs, bool got_all, bool everything, core::SteadyTime began,
                         core::SteadyTime ended) {
    if (everything) {
        const auto took = ended - began;
        // Once may be a stall of the machine; twice in a row is a walk.
        const bool long_look = took - kForEachRow * jobs.size() >= kLongWalk;
        long_walk_ = std::exchange(long_look_, long_look) && long_look;
        look_took_ = std::min(took, std::exchange(last_look_took_, took));
        looked_at_ = began;
        resumed_ = false;
        wanted_ = false;
    }
    if (!got_all && !long_walk_) {
        marks_.clear();
        return;
    }
    if (!got_all && !everything) wanted_ = true;
    if (!got_all && !caught_up_)
        for (auto& mark : marks_) mark.run_at -= kLateCommit;
    caught_up_ = !got_all;
    queue::LowWater* mark = nullptr;
    for (const auto& job : jobs) {
        if (job.run_at == core::WallTime::min()) continue;
        // Batches are mostly of one kind and priority.
        if (mark == nullptr || mark->priority != job.priority || mark->kind != job.kind)
            mark = find_or_add(job.kind, job.priority);
        if (mark == nullptr) continue;
        mark->run_at = caught_up_ ? job.run_at - kLateCommit : job.run_at;
        mark->id = caught_up_ ? core::JobId{} : job.id;
    }
    if (mark != nullptr) last_ = {queue::Frontier::kind_hash(mark->kind), mark->priority, mark->run_at, {}};
}

queue::LowWater* LowWaterMarks::find_or_add(const std::string& kind, int priority) {
    const auto found =
        std::ranges::find_if(marks_, [&](const auto& mark) { return mark.priority == priority && mark.kind == kind; });
    if (found != marks_.end()) return &*found;
    if (marks_.size() == kMostMarks) return nullptr;
    return &marks_.emplace_back(kind, priority);
}

std::optional<queue::Frontier> LowWaterMarks::to_tell(core::SteadyTime now) {
    if (!last_) return std::nullopt;
    const auto look = long_walk_ ? std::chrono::duration_cast<std::chrono::milliseconds>(look_took_)
                                 : std::chrono::milliseconds::zero();
    const bool for_later = (long_walk_ && now - told_at_ >= kTellLater) || (!long_walk_ && told_look_.count() > 0);
    if (!is_among_others(now) && !for_later) return std::nullopt;
    told_at_ = now;
    told_look_ = look;
    auto told = std::exchange(last_, std::nullopt);
    told->look = look;
    return told;
}

void LowWaterMarks::follow(const queue::Frontier& frontier, std::span<const std::string> kinds) {
    for (const auto& kind : kinds) {
        if (queue::Frontier::kind_hash(kind) != frontier.kind) continue;
        auto* mark = find_or_add(kind, frontier.priority);
        if (mark == nullptr) return;
        mark->run_at = frontier.run_at;
        mark->id = {};
    }
}

void LowWaterMarks::resume(const queue::Frontier& frontier, std::span<const std::string> kinds, core::SteadyTime now) {
    if (frontier.look < kLongWalk) return;
    follow(frontier, kinds);
    looked_at_ = now;
    look_took_ = last_look_took_ = frontier.look;
    resumed_ = true;
    long_walk_ = long_look_ = true;
    told_look_ = frontier.look;
}

std::span<const queue::LowWater> LowWaterMarks::known() const noexcept {
    return long_walk_ ? std::span<const queue::LowWater>{marks_} : std::span<const queue::LowWater>{};
}

std::optional<core::SteadyTime> LowWaterMarks::look_at() const noexcept {
    if (!wanted_ || marks_.empty()) return std::nullopt;
    return may_look_at();
}

}  // namespace oiab::runtime
