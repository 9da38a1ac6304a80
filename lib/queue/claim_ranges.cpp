#include "queue/claim_ranges.hpp"

#include <algorithm>
#include <limits>
#include <vector>

#include "queue/arrays.hpp"

namespace oiab::queue {
namespace {

constexpr int kFirstPriority = std::numeric_limits<std::int16_t>::min();

class Ranges {
public:
    void add(std::string_view kind, const LowWater* from, std::optional<int> last_priority) {
        kinds_.add(kind);
        if (from != nullptr) {
            priorities_.add(std::int64_t{from->priority});
            run_ats_.add(std::int64_t{from->run_at.time_since_epoch().count()});
            ids_.add(from->id);
        } else {
            priorities_.add_null();
            run_ats_.add_null();
            ids_.add_null();
        }
        if (last_priority) last_priorities_.add(std::int64_t{*last_priority});
        else last_priorities_.add_null();
    }

    ClaimRanges finish() && {
        return {std::move(kinds_).finish(), std::move(priorities_).finish(), std::move(run_ats_).finish(),
                std::move(ids_).finish(), std::move(last_priorities_).finish()};
    }

private:
    ArrayText kinds_, priorities_, run_ats_, ids_, last_priorities_;
};

}  // namespace

ClaimRanges claim_ranges(std::span<const std::string> kinds, std::span<const LowWater> marks) {
    Ranges ranges;
    std::vector<const LowWater*> of_kind;
    for (const auto& kind : kinds) {
        of_kind.clear();
        for (const auto& mark : marks)
            if (mark.kind == kind) of_kind.push_back(&mark);
        std::ranges::sort(of_kind, {}, &LowWater::priority);
        if (of_kind.empty()) {
            ranges.add(kind, nullptr, std::nullopt);
            continue;
        }
        if (of_kind.front()->priority > kFirstPriority) ranges.add(kind, nullptr, of_kind.front()->priority - 1);
        for (std::size_t i = 0; i < of_kind.size(); ++i) {
            const bool is_last = i + 1 == of_kind.size();
            ranges.add(kind, of_kind[i], is_last ? std::nullopt : std::optional{of_kind[i + 1]->priority - 1});
        }
    }
    return std::move(ranges).finish();
}

}  // namespace oiab::queue
