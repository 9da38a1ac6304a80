#include "config/settings.hpp"

namespace oiab::config {

const KindSettings& Settings::kind_settings(std::string_view kind) const {
    if (const auto exact = kinds.find(kind); exact != kinds.end()) return exact->second;
    const KindSettings* best = &kind_defaults;
    std::size_t longest = 0;
    for (const auto& [pattern, own] : kinds) {
        if (!pattern.ends_with('*') || pattern.size() <= longest) continue;
        if (kind.starts_with(std::string_view{pattern}.substr(0, pattern.size() - 1))) {
            best = &own;
            longest = pattern.size();
        }
    }
    return *best;
}

}  // namespace oiab::config
