#include "oiab/registry.hpp"

namespace oiab {

void Registry::add(std::string pattern, std::shared_ptr<Handler> handler, KindSettings settings) {
    Entry entry{std::move(handler), settings};
    if (pattern.ends_with('*')) {
        pattern.pop_back();
        prefixes_.insert_or_assign(std::move(pattern), std::move(entry));
    } else {
        exact_.insert_or_assign(std::move(pattern), std::move(entry));
    }
}

const Registry::Entry* Registry::find(std::string_view kind) const {
    if (const auto exact = exact_.find(kind); exact != exact_.end()) return &exact->second;
    const Entry* longest = nullptr;
    std::size_t length = 0;
    for (const auto& [prefix, entry] : prefixes_) {
        if (kind.starts_with(prefix) && (longest == nullptr || prefix.size() > length)) {
            longest = &entry;
            length = prefix.size();
        }
    }
    return longest;
}

std::vector<std::string> Registry::exact_kinds() const {
    std::vector<std::string> kinds;
    for (const auto& [kind, entry] : exact_) kinds.push_back(kind);
    return kinds;
}

std::vector<std::string> Registry::patterns() const {
    auto all = exact_kinds();
    for (const auto& [prefix, entry] : prefixes_) all.push_back(prefix + "*");
    return all;
}

}  // namespace oiab
