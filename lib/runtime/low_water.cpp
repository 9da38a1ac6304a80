#include "runtime/low_water.hpp"

#include <algorithm>

namespace oiab::runtime {
namespace {

/// How long marks hold while nothing hints that a row is below them.
constexpr std::chrono::seconds kLongest{1};
/// Looks at everything may take one part in so many of the time.
constexpr int kLookShare = 20;
/// A look that took so much longer than its rows alone would have was a long walk.
constexpr std::chrono::milliseconds kLongWalk{5};
constexpr std::chrono::microseconds kForEachRow{20};
/// Marks that are carried; priorities and kinds beyond are looked at from their beginning.
constexpr std::size_t kMostMarks = 64;

}  // namespace

core::SteadyTime LowWaterMarks::may_look_at() const noexcept { return looked_at_ + look_took_ * kLookShare; }

std::span<const queue::LowWater> LowWaterMarks::at(core::SteadyTime now) const {
    if (now >= may_look_at() && (wanted_ || now - looked_at_ >= kLongest)) return {};
    return marks_;
}

void LowWaterMarks::note(std::span<const core::Job> jobs, bool got_all, bool everything, core::SteadyTime began,
                         core::SteadyTime ended) {
    if (everything) {
        looked_at_ = began;
        look_took_ = ended - began;
        long_walk_ = look_took_ - kForEachRow * jobs.size() >= kLongWalk;
        wanted_ = false;
    }
    if (!got_all && !long_walk_) {
        marks_.clear();
        return;
    }
    if (!got_all && !everything) wanted_ = true;
    queue::LowWater* mark = nullptr;
    for (const auto& job : jobs) {
        if (job.run_at == core::WallTime::min()) continue;
        // Batches are mostly of one kind and priority.
        if (mark == nullptr || mark->priority != job.priority || mark->kind != job.kind) mark = find_or_add(job);
        if (mark == nullptr) continue;
        mark->run_at = job.run_at;
        mark->id = job.id;
    }
}

queue::LowWater* LowWaterMarks::find_or_add(const core::Job& job) {
    const auto found = std::ranges::find_if(
        marks_, [&](const auto& mark) { return mark.priority == job.priority && mark.kind == job.kind; });
    if (found != marks_.end()) return &*found;
    if (marks_.size() == kMostMarks) return nullptr;
    return &marks_.emplace_back(job.kind, job.priority, job.run_at, job.id);
}

std::span<const queue::LowWater> LowWaterMarks::known() const noexcept {
    return long_walk_ ? std::span<const queue::LowWater>{marks_} : std::span<const queue::LowWater>{};
}

std::optional<core::SteadyTime> LowWaterMarks::look_at() const noexcept {
    if (!wanted_ || marks_.empty()) return std::nullopt;
    return may_look_at();
}

}  // namespace oiab::runtime
