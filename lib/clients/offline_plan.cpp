#include "clients/offline_plan.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <vector>

namespace oiab::clients {
namespace {

using Step = std::vector<std::string>;  // what goes side by side

std::string_view trimmed(std::string_view text) {
    constexpr std::string_view kEdges = " \t\r\n.,;:!?-";
    const auto first = text.find_first_not_of(kEdges);
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(kEdges) - first + 1);
}

/// Parts the text at every one of the separators, in any case; empty parts vanish.
std::vector<std::string> parted(std::string_view text, std::initializer_list<std::string_view> separators) {
    std::string lower{text};
    for (char& c : lower) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    std::vector<std::string> parts;
    std::size_t begin = 0;
    for (std::size_t at = 0; at <= lower.size();) {
        std::size_t length = 0;
        for (const std::string_view separator : separators) {
            if (std::string_view{lower}.substr(at).starts_with(separator)) length = std::max(length, separator.size());
        }
        if (length == 0 && at < lower.size()) {
            ++at;
            continue;
        }
        if (const auto part = trimmed(text.substr(begin, at - begin)); !part.empty()) parts.emplace_back(part);
        at += std::max<std::size_t>(length, 1);
        begin = std::min(at, text.size());
    }
    return parts;
}

std::vector<Step> diamond(std::string_view task) {
    const std::string about{task};
    return {{"Gather what is known about: " + about},
            {"List what speaks for it: " + about, "List what speaks against it: " + about},
            {"Weigh both sides and conclude: " + about}};
}

/// As many subtasks as allowed: the overhang is joined to the last one that fits.
void limit(std::vector<Step>& steps, std::size_t max_subtasks) {
    std::size_t count = 0;
    std::vector<Step> kept;
    for (Step& step : steps) {
        for (std::string& description : step) {
            if (count < max_subtasks) {
                if (kept.empty() || &description == &step.front()) kept.emplace_back();
                kept.back().push_back(std::move(description));
                ++count;
            } else {
                kept.back().back() += "; then " + description;
            }
        }
    }
    steps = std::move(kept);
}

}  // namespace

std::string plan_offline(std::string_view task, std::size_t max_subtasks) {
    const std::string_view whole = trimmed(task);
    std::vector<Step> steps;
    for (const std::string& part :
         parted(whole, {" then ", ", then ", " and then ", "; ", ". ", ".\n", "\n", "finally "})) {
        steps.push_back(parted(part, {" and ", ", and ", ", "}));
    }
    if (steps.empty() || (steps.size() == 1 && steps.front().size() == 1)) steps = diamond(whole);
    limit(steps, std::max<std::size_t>(1, max_subtasks));

    nlohmann::json plan = nlohmann::json::array();
    std::vector<std::size_t> before;
    for (const Step& step : steps) {
        std::vector<std::size_t> here;
        for (const std::string& description : step) {
            here.push_back(plan.size());
            plan.push_back({{"description", description}, {"agent", "build"}, {"dependencies", before}});
        }
        before = std::move(here);
    }
    return plan.dump(2, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace oiab::clients
