#include "core/outcome.hpp"

namespace oiab::core {

std::string_view name_of(const Outcome& outcome) noexcept {
    constexpr std::string_view kNames[] = {"completed", "retry",   "failed",   "snoozed",
                                           "released",  "settled", "abandoned"};
    static_assert(std::size(kNames) == std::variant_size_v<Outcome>);
    return kNames[outcome.index()];
}

}  // namespace oiab::core
