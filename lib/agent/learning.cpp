#include "agent/learning.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <tuple>

#include "core/json_text.hpp"

namespace oiab::agent {

ToolSet tool_set(std::string_view tools_json) {
    ToolSet names;
    const auto list = core::parse_foreign_json(tools_json);
    if (!list.is_array()) return names;
    for (const auto& use : list) {
        if (!use.is_object()) continue;
        const auto name = use.find("tool");
        if (name != use.end() && name->is_string()) names.insert(name->get<std::string>());
    }
    return names;
}

bool tools_overlap(const ToolSet& a, const ToolSet& b) {
    const auto larger = std::max(a.size(), b.size());
    if (larger == 0) return false;
    const auto shared = std::ranges::count_if(a, [&](const std::string& name) { return b.contains(name); });
    // In whole numbers: 7 of 10 is exactly 70 %.
    return static_cast<std::size_t>(shared) * 10 >= larger * 7;
}

std::string cluster_key(std::span<const ClusterMember> members) {
    if (members.empty()) return {};
    const auto oldest = std::ranges::min_element(
        members, {}, [](const ClusterMember& member) { return std::tie(member.created_at_us, member.id); });
    return "trajectory:" + oldest->id;
}

}  // namespace oiab::agent
