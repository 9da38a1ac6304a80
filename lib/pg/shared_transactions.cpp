#include "pg/shared_transactions.hpp"

#include <algorithm>
#include <iterator>

#include "pg/database_error.hpp"

namespace oiab::pg {
namespace {

using Part = SharedTransactions::Part;

void announce(Transaction& tx, std::span<Part> parts) {
    std::size_t rounds = 0;
    for (const auto& part : parts) rounds = std::max(rounds, part.announcements.size());
    for (std::size_t round = 0; round < rounds; ++round) {
        for (auto& part : parts) {
            if (round < part.announcements.size()) part.announcements[round](tx);
        }
    }
}

/// Runs the parts in one transaction. @returns why it did not come through; nullptr where it did
std::exception_ptr commit(Session& session, std::span<Part> parts) {
    try {
        in_transaction(session, std::function<void(Transaction&)>{[&](Transaction& tx) {
                           announce(tx, parts);
                           for (auto& part : parts) part.body(tx);
                       }});
        return nullptr;
    } catch (...) {  // carried to whoever waits, whatever it is
        return std::current_exception();
    }
}

/// Whether nothing of it happened and the session can go on: then each part may show whether it was the one to blame.
bool may_run_apart(const std::exception_ptr& error) {
    try {
        std::rethrow_exception(error);
    } catch (const DatabaseError& e) {
        return e.trouble() == Trouble::kRetry || e.trouble() == Trouble::kRefused;
    } catch (...) {  // a body's own: it was rolled back
        return true;
    }
}

void write(Session& session, std::span<Part> parts) {
    const auto error = commit(session, parts);
    if (error && parts.size() > 1 && may_run_apart(error)) {
        for (auto& part : parts) part.done(commit(session, {&part, 1}));
        return;
    }
    for (auto& part : parts) part.done(error);
}

}  // namespace

Lane* SharedTransactions::add(Part part, std::span<const std::unique_ptr<Lane>> lanes) {
    const std::scoped_lock lock{mutex_};
    waiting_.at(static_cast<std::size_t>(part.stage)).push_back(std::move(part));
    if (serving_.size() >= most_lanes_) return nullptr;
    Lane* chosen = nullptr;
    for (const auto& lane : lanes) {
        if (std::ranges::find(serving_, lane.get()) != serving_.end()) continue;
        if (!chosen || lane->backlog() < chosen->backlog()) chosen = lane.get();
    }
    if (chosen) serving_.push_back(chosen);
    return chosen;
}

std::vector<Part> SharedTransactions::take(const Lane& lane) {
    const std::scoped_lock lock{mutex_};
    ++taken_;
    // Parts of one stage add to the same statements; a mixture would need all statements for a few rows each.
    std::size_t stage = taken_ % kOutOfOrder == 0 ? taken_ / kOutOfOrder % waiting_.size() : 0;
    for (std::size_t tries = 0; tries < waiting_.size(); ++tries, stage = (stage + 1) % waiting_.size()) {
        auto& queue = waiting_.at(stage);
        if (queue.empty()) continue;
        const auto end = queue.begin() + static_cast<std::ptrdiff_t>(std::min(kMost, queue.size()));
        std::vector<Part> parts{std::make_move_iterator(queue.begin()), std::make_move_iterator(end)};
        queue.erase(queue.begin(), end);
        return parts;
    }
    std::erase(serving_, &lane);
    return {};
}

void SharedTransactions::serve(Lane& lane, Session& session) {
    auto parts = take(lane);
    if (parts.empty()) return;
    write(session, parts);
    lane.post([this, &lane](Session& same) { serve(lane, same); });
}

}  // namespace oiab::pg
