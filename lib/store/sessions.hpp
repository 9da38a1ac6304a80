#pragma once
/// @file  Sessions and the frozen template behaviour of each. Lane threads only; every function blocks and throws what
/// the transaction does.

#include <optional>
#include <string>

#include "core/uuid.hpp"
#include "pg/transaction.hpp"

namespace oiab::store {

struct SessionRow {
    std::string session_id;
    std::optional<core::UserId> user_id;
    std::optional<core::TenantId> tenant_id;
    std::string title;
    bool is_active = false;
    std::string purpose;  ///< chat, planner, subtask, dispatch
    std::string channel;
    std::optional<std::string> parent_session_id;
    std::optional<std::string> runtime_session_id;
    std::optional<std::string> model_choice;  ///< JSON {providerID, modelID}
    std::optional<std::string> template_slug;
    std::optional<std::string> template_system_prompt;
    std::optional<std::string> template_model_override;  ///< JSON {providerID, modelID}
    std::optional<std::string> template_tools;           ///< JSON array of names
    bool has_snapshot = false;                           ///< the template is frozen
};

/// @returns nullopt where there is no such session.
[[nodiscard]] std::optional<SessionRow> find_session(pg::Transaction& tx, const std::string& session_id);
/// So that it is asked with those of others; see pg::Transaction::announce.
void announce_session(pg::Transaction& tx, const std::string& session_id);

struct NewSession {
    std::string session_id;
    core::UserId user_id;
    std::optional<core::TenantId> tenant_id;
    std::string title;
    std::string purpose = "chat";
    std::string channel;
    std::optional<std::string> parent_session_id;
    std::optional<std::string> model_choice;
    std::optional<std::string> template_slug;
};

/// Makes the session where there is none of that id.
/// @returns whether this call made it; one that was there stays as it was, whosever it is.
bool ensure_session(pg::Transaction& tx, const NewSession& session);

/// Freezes the template that the session names, where that has not been done and the template still exists (the
/// tenant's own before a global one). Two turns cannot freeze it differently: the first one's snapshot stays.
/// @returns the session as it is now; nullopt where there is none.
[[nodiscard]] std::optional<SessionRow> freeze_template(pg::Transaction& tx, const std::string& session_id);

/// Notes under which id an agent runtime of its own (opencode) keeps the session.
void set_runtime_session(pg::Transaction& tx, const std::string& session_id, const std::string& runtime_session_id);

}  // namespace oiab::store
