#pragma once
/// @file  Orchestrations: plans and their subtasks. For the orchestrator's handlers. Lane threads only; every function
/// blocks and throws what the transaction does. What happens after a failure is the database's own work
/// (migrations/orchestrator_functions.sql).

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/plan_graph.hpp"
#include "core/uuid.hpp"
#include "pg/transaction.hpp"

namespace oiab::store {

enum class PlanStatus { kPlanning, kExecuting, kSynthesizing, kCompleted, kFailed };

struct NewPlan {
    core::PlanId id;
    std::optional<core::TenantId> tenant_id;
    core::UserId user_id;
    std::string parent_session_id;
    std::string task_description;
    int max_subtasks = 5;
    bool partial = false;               ///< synthesize from what succeeded instead of failing
    std::optional<core::JobId> job_id;  ///< the orchestrator-plan job, once there is one
};

struct PlanRow {
    core::PlanId id;
    std::optional<core::TenantId> tenant_id;
    core::UserId user_id;
    std::string parent_session_id;
    std::string task_description;
    PlanStatus status = PlanStatus::kPlanning;
    int max_subtasks = 5;
    bool partial = false;
    std::string result;
    std::string error;
};

enum class SubtaskStatus { kPending, kRunning, kCompleted, kFailed };
/// As the column has it.
[[nodiscard]] SubtaskStatus read_subtask_status(std::string_view text);

struct SubtaskRow {
    int index = 0;
    std::string description;
    std::string agent;
    std::vector<int> dependencies;
    SubtaskStatus status = SubtaskStatus::kPending;
    std::string result;
    std::string error;
    std::string session_id;
};

/// As the columns have it.
[[nodiscard]] std::string_view to_string(PlanStatus status) noexcept;
[[nodiscard]] std::string_view to_string(SubtaskStatus status) noexcept;

/// Makes the plan's row, or takes over the one that is there: its job is recorded where it had none.
/// @returns the row as it is now; nullopt where the id belongs to another user or another job's plan.
[[nodiscard]] std::optional<PlanRow> begin_plan(pg::Transaction& tx, const NewPlan& plan);

[[nodiscard]] std::optional<PlanRow> find_plan(pg::Transaction& tx, core::PlanId id);
/// In order of their index.
[[nodiscard]] std::vector<SubtaskRow> load_subtasks(pg::Transaction& tx, core::PlanId id);

/// Stores the accepted plan, lets it execute, and enqueues the subtasks that wait for nothing.
/// @returns false where the plan is not in planning any more (it was cancelled).
[[nodiscard]] bool accept_plan(pg::Transaction& tx, core::PlanId id, std::span<const core::PlannedSubtask> subtasks,
                               const std::string& planner_session_id);

/// Marks the subtask as running in the given session, also when it already is.
/// @returns false where it is final or its plan no longer executes.
[[nodiscard]] bool begin_subtask(pg::Transaction& tx, core::PlanId id, int index, const std::string& session_id);

/// Completes the subtask, releases the dependents that wait for nothing any more, and after the last one enqueues the
/// synthesis, all exactly once however many subtasks complete at this instant.
/// @returns false where the subtask is not running (the plan was cancelled).
[[nodiscard]] bool complete_subtask(pg::Transaction& tx, core::PlanId id, int index, const std::string& result);

/// Stores the final answer. @returns false where the plan is not in synthesizing.
[[nodiscard]] bool complete_plan(pg::Transaction& tx, core::PlanId id, const std::string& result);

/// Cancels the plan and every job of it. @returns whether anything was left to cancel.
bool cancel_plan(pg::Transaction& tx, core::PlanId id);

}  // namespace oiab::store
