#pragma once
/// @file  Dispatches: work that an agent handed to others, and its members. For the dispatch tool and the handlers of
/// dispatch-*. Lane threads only; every function blocks and throws what the transaction does. What happens after a
/// failure is the database's own work (migrations/dispatch_functions.sql).

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "core/uuid.hpp"
#include "pg/transaction.hpp"
#include "store/plans.hpp"

namespace oiab::store {

using DispatchId = core::Id<struct DispatchTag>;

struct NewMember {
    std::string agent;
    std::string task;
};

struct NewDispatch {
    DispatchId id;
    std::optional<core::TenantId> tenant_id;
    core::UserId user_id;
    std::string parent_session_id;
    core::JobId job_id;  ///< the turn that dispatches
    std::string mode;    ///< local, remote, team_single_vm, team_multi_vm or user_pc
    std::string rationale;
    std::vector<NewMember> members;
};

/// Makes the dispatch and enqueues its members' jobs. @returns false where there was one of that id already.
bool insert_dispatch(pg::Transaction& tx, const NewDispatch& dispatch);

enum class DispatchStatus { kExecuting, kSynthesizing, kCompleted, kFailed };

struct DispatchRow {
    DispatchId id;
    std::optional<core::TenantId> tenant_id;
    core::UserId user_id;
    std::string parent_session_id;
    std::string mode;
    std::string rationale;
    DispatchStatus status = DispatchStatus::kExecuting;
    std::string result;
    std::string error;
};
[[nodiscard]] std::optional<DispatchRow> find_dispatch(pg::Transaction& tx, DispatchId id);

struct MemberRow {
    int member = 0;
    std::string agent;
    std::string task;
    SubtaskStatus status = SubtaskStatus::kPending;
    std::string result;
    std::string error;
    std::chrono::seconds age{0};  ///< since its first attempt began
};
/// In order of their position.
[[nodiscard]] std::vector<MemberRow> load_members(pg::Transaction& tx, DispatchId id);

/// Marks the member as running, also when it already is. @param session_id  empty for one that runs elsewhere
/// @returns false where it is final or its dispatch no longer executes.
[[nodiscard]] bool begin_member(pg::Transaction& tx, DispatchId id, int member, const std::string& session_id);

/// Completes the member, and after the last one enqueues the synthesis, exactly once however many complete at this
/// instant. @returns false where the member is not running (the dispatch was cancelled).
[[nodiscard]] bool complete_member(pg::Transaction& tx, DispatchId id, int member, const std::string& result);

/// Stores the final response. @returns false where the dispatch is not in synthesizing.
[[nodiscard]] bool complete_dispatch(pg::Transaction& tx, DispatchId id, const std::string& result);

}  // namespace oiab::store
