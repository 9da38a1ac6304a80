#include "agent/opencode_transcript.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace oiab::agent {

using clients::OpencodeMessage;

bool OpencodeTranscript::take(std::vector<OpencodeMessage> newest, const std::string& back_to) {
    const bool is_whole = static_cast<int>(newest.size()) < limit_;
    const bool reaches_back = !back_to.empty() && std::ranges::any_of(newest, [&](const OpencodeMessage& message) {
        return message.id == back_to;
    });
    if (!is_whole && join(newest)) return true;
    if (is_whole || limit_ >= kMost || (known_.empty() && reaches_back)) {
        replace(std::move(newest));
        return true;
    }
    taken_ = std::move(newest);
    limit_ = std::min(limit_ * kGrowth, kMost);
    return false;
}

void OpencodeTranscript::accept() { replace(std::exchange(taken_, {})); }

/// @returns whether what came begins no later than what may have changed; then it is put in its place.
bool OpencodeTranscript::join(std::vector<OpencodeMessage>& newest) {
    if (known_.empty()) return false;
    const auto last = std::ranges::find(known_.rbegin(), known_.rend(), "assistant", &OpencodeMessage::role);
    const auto open = last == known_.rend() ? known_.begin() : std::prev(last.base());
    const auto found = std::ranges::find(newest, open->id, &OpencodeMessage::id);
    if (found == newest.end()) return false;
    known_.erase(open, known_.end());
    known_.insert(known_.end(), std::make_move_iterator(found), std::make_move_iterator(newest.end()));
    limit_ = kNext;
    return true;
}

void OpencodeTranscript::replace(std::vector<OpencodeMessage> newest) {
    known_ = std::move(newest);
    limit_ = kNext;
}

}  // namespace oiab::agent
