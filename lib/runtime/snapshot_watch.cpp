#include "runtime/snapshot_watch.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "pg/database_error.hpp"
#include "pg/transaction.hpp"

namespace oiab::runtime {
namespace {

using std::chrono::duration_cast;
using std::chrono::seconds;

constexpr std::chrono::minutes kLookInterval{1};
constexpr std::chrono::minutes kWarnInterval{10};

std::string key_of(const queue::SnapshotHolder& holder) {
    return fmt::format("{} {} {}", static_cast<int>(holder.kind), holder.xid, holder.name);
}

}  // namespace

SnapshotWatch::SnapshotWatch(std::chrono::milliseconds threshold, const core::Clock& clock, const observe::Log& log,
                             observe::Metrics& metrics)
    : threshold_{threshold},
      clock_{clock},
      log_{log},
      count_{metrics.gauge("oiab_old_snapshots",
                           "Holders of snapshots older than snapshot_warning, as the leader saw them last.")},
      held_seconds_{metrics.gauge("oiab_old_snapshot_held_seconds",
                                  "How long the holder has kept finished rows from being vacuumed away.")},
      held_transactions_{metrics.gauge("oiab_old_snapshot_held_transactions",
                                       "Transactions that began since the holder's snapshot.")} {}

void SnapshotWatch::look_if_due(pg::Session& session) {
    if (threshold_ <= std::chrono::milliseconds::zero()) return;
    const auto now = clock_.now();
    if (looked_at_ && now - *looked_at_ < std::min<std::chrono::milliseconds>(kLookInterval, threshold_)) return;
    looked_at_ = now;
    std::vector<queue::SnapshotHolder> holders;
    try {
        holders = pg::autocommit(session, [](pg::Transaction& tx) { return queue::find_snapshot_holders(tx); });
    } catch (const pg::DatabaseError& e) {
        // A server that keeps its views to itself: nothing else depends on this look.
        if (e.trouble() != pg::Trouble::kRefused) throw;
        if (!refused_) log_.warn("may not look for old snapshots", {{"error", e.what()}});
        refused_ = true;
        show_nothing();
        return;
    }
    refused_ = false;
    const auto old = pick_old(std::move(holders));
    oldest_.reset();
    if (!old.empty()) oldest_ = old.front();
    tell(old);
    show(old);
}

void SnapshotWatch::forget_look() {
    looked_at_.reset();
    show_nothing();
}

void SnapshotWatch::show(const std::vector<OldSnapshot>& old) {
    std::vector<observe::Sample> seconds;
    std::vector<observe::Sample> transactions;
    for (const auto& [holder, held] : old) {
        seconds.push_back({{{"holder", std::string{queue::word_of(holder.kind)}},
                            {"name", holder.name},
                            {"user", holder.user},
                            {"application", holder.application},
                            {"state", holder.state}},
                           static_cast<double>(held.count())});
        transactions.push_back({seconds.back().labels, static_cast<double>(holder.transactions)});
    }
    count_.set(static_cast<double>(old.size()));
    held_seconds_.replace(seconds);
    held_transactions_.replace(transactions);
}

void SnapshotWatch::show_nothing() {
    for (auto* gauge : {&count_, &held_seconds_, &held_transactions_}) gauge->replace({});
}

std::vector<OldSnapshot> SnapshotWatch::pick_old(std::vector<queue::SnapshotHolder> holders) {
    const auto now = clock_.now();
    std::map<Key, core::SteadyTime> seen;
    std::vector<OldSnapshot> old;
    for (auto& holder : holders) {
        auto key = key_of(holder);
        const auto before = first_seen_.find(key);
        const auto since = before == first_seen_.end() ? now : before->second;
        const auto held = std::max(holder.held.value_or(seconds::zero()), duration_cast<seconds>(now - since));
        if (before != first_seen_.end() && held >= threshold_) old.push_back({std::move(holder), held});
        seen.emplace(std::move(key), since);
    }
    first_seen_ = std::move(seen);
    return old;
}

void SnapshotWatch::tell(const std::vector<OldSnapshot>& old) {
    if (warned_of_) {
        const auto key = key_of(warned_of_->holder);
        const bool lasts = std::ranges::any_of(old, [&](const OldSnapshot& one) { return key_of(one.holder) == key; });
        if (!lasts) {
            log_.info("the old snapshot is gone",
                      {{"holder", queue::to_string(warned_of_->holder.kind)}, {"name", warned_of_->holder.name}});
            warned_of_.reset();
        }
    }
    if (!oldest_ || (warned_of_ && clock_.now() - warned_at_ < kWarnInterval)) return;
    const auto& holder = oldest_->holder;
    log_.warn("an old snapshot keeps finished rows from being vacuumed away",
              {{"holder", queue::to_string(holder.kind)},
               {"name", holder.name},
               {"user", holder.user},
               {"application", holder.application},
               {"state", holder.state},
               {"held_seconds", oldest_->held.count()},
               {"held_transactions", holder.transactions},
               {"old_snapshots", old.size()}});
    warned_of_ = oldest_;
    warned_at_ = clock_.now();
}

}  // namespace oiab::runtime
