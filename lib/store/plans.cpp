#include "store/plans.hpp"

#include <nlohmann/json.hpp>
#include <pqxx/params>
#include <pqxx/result>
#include <string_view>

#include "store/rows.hpp"
#include "store/sql.hpp"

namespace oiab::store {
namespace {

using nlohmann::json;

PlanStatus read_plan_status(std::string_view text) {
    if (text == "planning") return PlanStatus::kPlanning;
    if (text == "executing") return PlanStatus::kExecuting;
    if (text == "synthesizing") return PlanStatus::kSynthesizing;
    if (text == "completed") return PlanStatus::kCompleted;
    return PlanStatus::kFailed;
}

std::optional<PlanRow> read_plan(const pqxx::result& found) {
    if (found.empty()) return std::nullopt;
    const auto row = found[0];
    PlanRow plan;
    plan.id = rows::read_id<core::PlanId>(row["id"]);
    if (!row["tenant_id"].is_null()) plan.tenant_id = rows::read_id<core::TenantId>(row["tenant_id"]);
    plan.user_id = rows::read_id<core::UserId>(row["user_id"]);
    plan.parent_session_id = row["parent_session_id"].as<std::string>("");
    plan.task_description = row["task_description"].as<std::string>("");
    plan.status = read_plan_status(row["status"].view());
    plan.max_subtasks = row["max_subtasks"].as<int>();
    plan.partial = row["partial"].as<bool>();
    plan.result = row["result"].as<std::string>("");
    plan.error = row["error"].as<std::string>("");
    return plan;
}

/// One row with one boolean.
bool read_answer(const pqxx::result& answer) { return !answer.empty() && answer[0][0].as<bool>(false); }

}  // namespace

std::string_view to_string(PlanStatus status) noexcept {
    switch (status) {
        case PlanStatus::kPlanning: return "planning";
        case PlanStatus::kExecuting: return "executing";
        case PlanStatus::kSynthesizing: return "synthesizing";
        case PlanStatus::kCompleted: return "completed";
        case PlanStatus::kFailed: break;
    }
    return "failed";
}

std::string_view to_string(SubtaskStatus status) noexcept {
    switch (status) {
        case SubtaskStatus::kPending: return "pending";
        case SubtaskStatus::kRunning: return "running";
        case SubtaskStatus::kCompleted: return "completed";
        case SubtaskStatus::kFailed: break;
    }
    return "failed";
}

SubtaskStatus read_subtask_status(std::string_view text) {
    if (text == "pending") return SubtaskStatus::kPending;
    if (text == "running") return SubtaskStatus::kRunning;
    if (text == "completed") return SubtaskStatus::kCompleted;
    return SubtaskStatus::kFailed;
}

std::optional<PlanRow> begin_plan(pg::Transaction& tx, const NewPlan& plan) {
    (void)tx.run(sql::insert_plan,
                 pqxx::params{plan.id.to_string(), rows::text_of(plan.tenant_id), plan.user_id.to_string(),
                              plan.parent_session_id, plan.task_description, plan.max_subtasks,
                              std::string{plan.partial ? "partial" : "fail"}, rows::text_of(plan.job_id)});
    return read_plan(tx.run(sql::adopt_plan,
                            pqxx::params{plan.id.to_string(), plan.user_id.to_string(), rows::text_of(plan.job_id)}));
}

std::optional<PlanRow> find_plan(pg::Transaction& tx, core::PlanId id) {
    return read_plan(tx.run(sql::find_plan, pqxx::params{id.to_string()}));
}

std::vector<SubtaskRow> load_subtasks(pg::Transaction& tx, core::PlanId id) {
    std::vector<SubtaskRow> subtasks;
    for (const auto& row : tx.run(sql::load_subtasks, pqxx::params{id.to_string()})) {
        SubtaskRow& subtask = subtasks.emplace_back();
        subtask.index = row["index"].as<int>();
        subtask.description = row["description"].as<std::string>("");
        subtask.agent = row["agent"].as<std::string>("");
        subtask.dependencies = json::parse(row["dependencies"].view()).get<std::vector<int>>();
        subtask.status = read_subtask_status(row["status"].view());
        subtask.result = row["result"].as<std::string>("");
        subtask.error = row["error"].as<std::string>("");
        subtask.session_id = row["session_id"].as<std::string>("");
    }
    return subtasks;
}

bool accept_plan(pg::Transaction& tx, core::PlanId id, std::span<const core::PlannedSubtask> subtasks,
                 const std::string& planner_session_id) {
    json plan = json::array();
    for (const auto& subtask : subtasks) {
        plan.push_back(
            {{"description", subtask.description}, {"agent", subtask.agent}, {"dependencies", subtask.dependencies}});
    }
    const auto text = rows::dump(plan);
    const auto accepted = tx.run(sql::accept_plan, pqxx::params{id.to_string(), text, planner_session_id});
    if (accepted.empty()) return false;
    (void)tx.run(sql::insert_subtasks, pqxx::params{id.to_string(), text});
    (void)tx.run(sql::advance_plan, pqxx::params{id.to_string()});
    return true;
}

bool begin_subtask(pg::Transaction& tx, core::PlanId id, int index, const std::string& session_id) {
    return !tx.run(sql::begin_subtask, pqxx::params{id.to_string(), index, session_id}).empty();
}

bool complete_subtask(pg::Transaction& tx, core::PlanId id, int index, const std::string& result) {
    // The plan's row first, as on every path that moves a plan on.
    (void)tx.run(sql::lock_plan, pqxx::params{id.to_string()});
    if (tx.run(sql::complete_subtask, pqxx::params{id.to_string(), index, rows::without_nul(result)}).empty())
        return false;
    (void)tx.run(sql::advance_plan, pqxx::params{id.to_string()});
    return true;
}

bool complete_plan(pg::Transaction& tx, core::PlanId id, const std::string& result) {
    return !tx.run(sql::complete_plan, pqxx::params{id.to_string(), rows::without_nul(result)}).empty();
}

bool cancel_plan(pg::Transaction& tx, core::PlanId id) {
    return read_answer(tx.run(sql::cancel_plan, pqxx::params{id.to_string()}));
}

}  // namespace oiab::store
