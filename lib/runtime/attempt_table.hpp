#pragma once
/// @file  Every attempt that this process holds a lease for, from its claim until its settle is committed: waiting,
/// running, or finished and not yet written. What is in here is renewed. Thread-safe.

#include <boost/unordered/unordered_flat_map.hpp>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "core/job.hpp"

namespace oiab::runtime {

class LiveAttempt;
using AttemptPtr = std::shared_ptr<LiveAttempt>;

class AttemptTable {
public:
    /// A former attempt of the same job, which somebody took from us before we claimed it again, is renewed no more and
    /// is told that its lease is lost.
    void add(std::span<const AttemptPtr> attempts);
    void remove(std::span<const core::AttemptKey> keys);
    /// @returns nullptr where this process holds no attempt of the job.
    [[nodiscard]] AttemptPtr find(core::JobId id) const;
    [[nodiscard]] std::vector<AttemptPtr> all() const;
    [[nodiscard]] std::size_t size() const;
    [[nodiscard]] bool empty() const { return size() == 0; }

private:
    mutable std::mutex mutex_;
    boost::unordered_flat_map<core::JobId, AttemptPtr, std::hash<core::JobId>> attempts_;
};

}  // namespace oiab::runtime
