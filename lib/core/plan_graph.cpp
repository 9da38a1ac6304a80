#include "core/plan_graph.hpp"

#include <algorithm>

namespace oiab::core {
namespace {

bool in_range(int index, std::size_t size) { return index >= 0 && static_cast<std::size_t>(index) < size; }

/// Removes, again and again, what waits for nothing that is left; what remains waits in circles or behind one.
std::vector<bool> stuck_subtasks(std::span<const PlannedSubtask> plan) {
    std::vector<bool> stuck(plan.size(), true);
    for (bool moved = true; moved;) {
        moved = false;
        for (std::size_t i = 0; i < plan.size(); ++i) {
            const auto waits = [&](int on) { return in_range(on, plan.size()) && stuck[static_cast<std::size_t>(on)]; };
            if (!stuck[i] || std::ranges::any_of(plan[i].dependencies, waits)) continue;
            stuck[i] = false;
            moved = true;
        }
    }
    return stuck;
}

/// Walks along dependencies from a stuck subtask until one comes up again: from there on it is a circle.
std::string describe_circle(std::span<const PlannedSubtask> plan, const std::vector<bool>& stuck, std::size_t from) {
    std::vector<std::size_t> path;
    std::size_t at = from;
    while (std::ranges::find(path, at) == path.end()) {
        path.push_back(at);
        for (const int on : plan[at].dependencies) {
            if (!in_range(on, plan.size()) || !stuck[static_cast<std::size_t>(on)]) continue;
            at = static_cast<std::size_t>(on);
            break;
        }
    }
    std::string text = "subtasks wait for each other in a circle: ";
    for (auto step = std::ranges::find(path, at); step != path.end(); ++step) text += std::to_string(*step) + " -> ";
    return text + std::to_string(at);
}

}  // namespace

std::vector<std::string> find_plan_faults(std::span<const PlannedSubtask> plan, std::size_t max_subtasks) {
    std::vector<std::string> faults;
    if (plan.empty()) faults.emplace_back("the plan has no subtasks");
    if (plan.size() > max_subtasks) {
        faults.push_back("the plan has " + std::to_string(plan.size()) + " subtasks; at most " +
                         std::to_string(max_subtasks) + " are allowed");
    }
    bool refers_to_itself = false;
    for (std::size_t i = 0; i < plan.size(); ++i) {
        const std::string name = "subtask " + std::to_string(i);
        if (plan[i].description.find_first_not_of(" \t\r\n") == std::string::npos) {
            faults.push_back(name + " has an empty description");
        }
        for (const int on : plan[i].dependencies) {
            if (!in_range(on, plan.size())) {
                faults.push_back(name + " depends on " + std::to_string(on) + ", which is not the index of a subtask");
            } else if (static_cast<std::size_t>(on) == i) {
                faults.push_back(name + " depends on itself");
                refers_to_itself = true;
            }
        }
    }
    // A self-reference is a circle of one and has been named already.
    if (refers_to_itself) return faults;
    const auto stuck = stuck_subtasks(plan);
    if (const auto first = std::ranges::find(stuck, true); first != stuck.end()) {
        faults.push_back(describe_circle(plan, stuck, static_cast<std::size_t>(first - stuck.begin())));
    }
    return faults;
}

std::vector<int> entry_subtasks(std::span<const PlannedSubtask> plan) {
    std::vector<int> entries;
    for (std::size_t i = 0; i < plan.size(); ++i) {
        if (plan[i].dependencies.empty()) entries.push_back(static_cast<int>(i));
    }
    return entries;
}

}  // namespace oiab::core
