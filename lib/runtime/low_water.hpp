#pragma once
/// @file  The Claimer's low-water marks: where the due rows of each kind and priority begin, so that a claim need not
/// walk again past the index entries of all that is finished. Pure; one thread.

#include <optional>
#include <span>
#include <vector>

#include "core/clock.hpp"
#include "core/job.hpp"
#include "queue/claim.hpp"
#include "queue/frontier.hpp"

namespace oiab::runtime {

/// A mark is the last row that a claim brought. What turns up below it (an earlier run_at, a row that was put back or
/// that another worker had locked) waits for the next look at everything, which is made
///
/// - after a claim that came back short, or a hint: at once;
/// - in any case after a second, or after ten where others claim from the same backlog;
/// - but never sooner than twenty times after as long as one takes, up to a minute: under a held snapshot it walks past
///   every row that was finished since. Where that is a long walk the marks hold even for claims that come back short,
///   two seconds behind the last row.
class LowWaterMarks {
public:
    /// What the next claim may leave out. Empty where it has to look at everything.
    [[nodiscard]] std::span<const queue::LowWater> at(core::SteadyTime now) const;

    /// After a claim that used at(began): `jobs` are what it got, in its order.
    void note(std::span<const core::Job> jobs, bool got_all, bool everything, core::SteadyTime began,
              core::SteadyTime ended);

    /// Something may have turned up below a mark: the next claim looks at everything, as soon as that may be.
    void hint() noexcept { wanted_ = true; }

    /// Another worker was claiming: while there is a backlog not everybody needs to look every second.
    void among_others(core::SteadyTime now) noexcept { refused_at_ = now; }

    /// What other workers are told after a claim, or those that start later: where the claims among others go on, and
    /// while looks are long walks, or have just ceased to be. The last of those is told no more often than every
    /// second.
    [[nodiscard]] std::optional<queue::Frontier> to_tell(core::SteadyTime now);
    /// Whether a claim that uses marks is to go on from where the others' have come.
    [[nodiscard]] bool follows(core::SteadyTime now) const noexcept { return is_among_others(now) && !marks_.empty(); }
    /// Goes on from there, ahead or back, for those of the kinds that it may mean.
    void follow(const queue::Frontier& frontier, std::span<const std::string> kinds);
    /// At the start: where a look is a long walk the first one is put off as if one had just been made, by five seconds
    /// at most.
    void resume(const queue::Frontier& frontier, std::span<const std::string> kinds, core::SteadyTime now);

    /// What a look for the next due row may leave out after a claim that came back short: nothing where that is cheap.
    [[nodiscard]] std::span<const queue::LowWater> known() const noexcept;
    /// When to claim again because everything is to be looked at and may not be yet.
    [[nodiscard]] std::optional<core::SteadyTime> look_at() const noexcept;

private:
    [[nodiscard]] core::SteadyTime may_look_at() const noexcept;
    [[nodiscard]] bool is_among_others(core::SteadyTime now) const noexcept;
    [[nodiscard]] queue::LowWater* find_or_add(const std::string& kind, int priority);

    std::vector<queue::LowWater> marks_;
    core::SteadyTime looked_at_{};
    std::chrono::steady_clock::duration look_took_{};  // the shorter of the last two
    std::chrono::steady_clock::duration last_look_took_{};
    bool resumed_ = false;                        // no look yet, only what was told of others'
    bool long_look_ = false;                      // the last look took long for what it brought
    bool long_walk_ = false;                      // the last two did: they walked far
    bool caught_up_ = false;                      // the last claim came back short, and the marks stay behind
    bool wanted_ = false;                         // a look, as soon as it may be
    std::optional<core::SteadyTime> refused_at_;  // a turn, because another worker claimed
    std::optional<queue::Frontier> last_;         // of the last claim that brought rows
    std::chrono::milliseconds told_look_{0};
    core::SteadyTime told_at_{};
};

}  // namespace oiab::runtime
