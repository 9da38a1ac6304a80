#include "runtime/low_water.hpp"

#include <algorithm>

namespace oiab::runtime {
namespace {

/// How long marks hold while nothing hints that a row is below them.
constexpr std::chrono::seconds kLongest{1};
/// Claims that look at everything may take one part in so many of the time: under a held snapshot each walks past every
/// row that was finished since.
constexpr int kFullClaimShare = 20;

}  // namespace

std::span<const queue::LowWater> LowWaterMarks::at(core::SteadyTime now) {
    const auto age = now - full_at_;
    if (age >= full_took_ * kFullClaimShare && (hinted_ || age >= kLongest)) marks_.clear();
    return marks_;
}

void LowWaterMarks::note(std::span<const core::Job> jobs, bool got_all, core::SteadyTime began,
                         core::SteadyTime ended) {
    if (marks_.empty()) {
        full_at_ = began;
        full_took_ = ended - began;
        hinted_ = false;
    }
    if (!got_all) {
        marks_.clear();
        return;
    }
    // From the last to the first: the first row of a kind is what stays.
    for (auto job = jobs.rbegin(); job != jobs.rend(); ++job) {
        const auto mark = std::ranges::find(marks_, job->kind, &queue::LowWater::kind);
        if (mark == marks_.end()) {
            marks_.push_back({job->kind, job->priority, job->run_at});
        } else {
            mark->priority = job->priority;
            mark->run_at = job->run_at;
        }
    }
    std::erase_if(marks_, [](const auto& mark) { return mark.run_at == core::WallTime::min(); });
}

}  // namespace oiab::runtime
