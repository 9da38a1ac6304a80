#pragma once
/// @file  The Claimer's low-water marks: where the due rows of each kind begin, so that a claim need not walk again
/// past the index entries of all that it finished before. Pure; one thread.

#include <span>
#include <vector>

#include "core/clock.hpp"
#include "core/job.hpp"
#include "queue/claim.hpp"

namespace oiab::runtime {

/// no marks ── a claim of everything got all that it wanted ──▶ marks
/// marks ── a claim came back short, or their time is up ──▶ no marks
///
/// A row that turns up below a mark (an urgent job, one with an earlier run_at, one that another worker had locked)
/// waits for the next claim without marks: the one that comes back short, or else at most the interval below.
class LowWaterMarks {
public:
    /// What the next claim may leave out. Empty where it has to look at everything.
    [[nodiscard]] std::span<const queue::LowWater> at(core::SteadyTime now);

    /// After a claim that used at(began): `jobs` are what it got, in its order.
    void note(std::span<const core::Job> jobs, bool got_all, core::SteadyTime began, core::SteadyTime ended);

    /// Something may have turned up below a mark: the next claim looks at everything, unless such claims are expensive
    /// and the last one was just now.
    void hint() noexcept { hinted_ = true; }

private:
    std::vector<queue::LowWater> marks_;
    core::SteadyTime full_at_{};
    std::chrono::steady_clock::duration full_took_{};
    bool hinted_ = false;
};

}  // namespace oiab::runtime
