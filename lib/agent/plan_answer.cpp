#include "agent/plan_answer.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>

#include "agent/json_in_prose.hpp"
#include "core/json_text.hpp"

namespace oiab::agent {
namespace {

using nlohmann::json;

/// Prose has brackets of its own; after so many that open no array of objects, there is none.
constexpr int kMaxCandidates = 64;
/// A plan of the largest size with long descriptions stays far below.
constexpr std::size_t kMaxAnswerBytes = std::size_t{256} * 1024;
/// As many as a model can be expected to mend, and a job's error to show.
constexpr std::size_t kMaxFaults = 20;

std::optional<json> find_array_of_objects(std::string_view text) {
    std::optional<json> empty;
    std::size_t from = text.find('[');
    for (int tries = 0; from != std::string_view::npos && tries < kMaxCandidates; ++tries) {
        const std::size_t end = find_closing_bracket(text, from);
        std::size_t next = from + 1;
        if (end != std::string_view::npos) {
            json value = core::parse_foreign_json(text.substr(from, end - from));
            if (value.is_array()) {
                if (value.empty()) {
                    empty = std::move(value);
                } else if (std::ranges::all_of(value, [](const json& item) { return item.is_object(); })) {
                    return value;
                }
                next = end;
            }
        }
        from = text.find('[', next);
    }
    return empty;
}

core::PlannedSubtask read_subtask(const json& item, std::size_t index, std::vector<std::string>& faults) {
    const std::string name = "subtask " + std::to_string(index);
    core::PlannedSubtask subtask;
    if (const auto it = item.find("description"); it != item.end() && it->is_string()) {
        subtask.description = it->get<std::string>();
    } else {
        faults.push_back(name + " needs \"description\", a string");
        subtask.description = "?";  // one fault is enough: the check of the plan shall not call it empty, too
    }
    if (const auto it = item.find("agent"); it != item.end() && !it->is_null()) {
        if (it->is_string() && !it->get_ref<const std::string&>().empty()) {
            subtask.agent = it->get<std::string>();
        } else {
            faults.push_back("\"agent\" of " + name + " must be a string");
        }
    }
    const auto it = item.find("dependencies");
    if (it == item.end() || it->is_null()) return subtask;
    const bool whole = it->is_array() && std::ranges::all_of(*it, [](const json& on) {
                           return on.is_number_integer() && on >= -1'000'000 && on <= 1'000'000;
                       });
    if (!whole) {
        faults.push_back("\"dependencies\" of " + name + " must be an array of zero-based indexes");
        return subtask;
    }
    subtask.dependencies = it->get<std::vector<int>>();
    std::ranges::sort(subtask.dependencies);
    const auto repeated = std::ranges::unique(subtask.dependencies);
    subtask.dependencies.erase(repeated.begin(), repeated.end());
    return subtask;
}

}  // namespace

std::expected<std::vector<core::PlannedSubtask>, std::vector<std::string>> parse_plan_answer(std::string_view answer,
                                                                                             std::size_t max_subtasks) {
    if (answer.size() > kMaxAnswerBytes) {
        return std::unexpected{std::vector<std::string>{"the answer is too long for a plan"}};
    }
    const auto array = find_array_of_objects(core::with_storable_escapes(answer));
    if (!array) return std::unexpected{std::vector<std::string>{"the answer holds no JSON array of subtask objects"}};
    if (array->size() > max_subtasks) {
        return std::unexpected{std::vector<std::string>{"the plan has " + std::to_string(array->size()) +
                                                        " subtasks; at most " + std::to_string(max_subtasks) +
                                                        " are allowed"}};
    }
    std::vector<std::string> faults;
    std::vector<core::PlannedSubtask> plan;
    for (std::size_t i = 0; i < array->size(); ++i) plan.push_back(read_subtask((*array)[i], i, faults));
    std::ranges::move(core::find_plan_faults(plan, max_subtasks), std::back_inserter(faults));
    if (faults.size() > kMaxFaults) {
        const std::size_t more = faults.size() - kMaxFaults;
        faults.resize(kMaxFaults);
        faults.push_back("and " + std::to_string(more) + " faults more");
    }
    if (!faults.empty()) return std::unexpected{std::move(faults)};
    return plan;
}

}  // namespace oiab::agent
