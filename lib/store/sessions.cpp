#include "store/sessions.hpp"

#include "pg/questions.hpp"
#include "store/rows.hpp"
#include "store/sql.hpp"

namespace oiab::store {

namespace {

std::string question(const std::string& session_id) { return rows::dump({{"session_id", session_id}}); }

}  // namespace

void announce_session(pg::Transaction& tx, const std::string& session_id) {
    tx.announce(sql::find_sessions, question(session_id));
}

std::optional<SessionRow> find_session(pg::Transaction& tx, const std::string& session_id) {
    const auto found = tx.look_for(sql::find_sessions, question(session_id));
    if (found.empty()) return std::nullopt;
    const auto row = found[0];
    SessionRow session;
    session.session_id = rows::read_text(row["session_id"]);
    session.user_id = rows::read_optional_id<core::UserId>(row["user_id"]);
    session.tenant_id = rows::read_optional_id<core::TenantId>(row["tenant_id"]);
    session.title = rows::read_text(row["title"]);
    session.is_active = row["is_active"].as<bool>();
    session.purpose = rows::read_text(row["purpose"]);
    session.channel = rows::read_text(row["channel"]);
    session.parent_session_id = rows::read_optional_text(row["parent_session_id"]);
    session.runtime_session_id = rows::read_optional_text(row["runtime_session_id"]);
    session.model_choice = rows::read_optional_text(row["model_choice"]);
    session.template_slug = rows::read_optional_text(row["template_slug"]);
    session.template_system_prompt = rows::read_optional_text(row["template_system_prompt"]);
    session.template_model_override = rows::read_optional_text(row["template_model_override"]);
    session.template_tools = rows::read_optional_text(row["template_tools"]);
    session.has_snapshot = row["has_snapshot"].as<bool>();
    return session;
}

bool ensure_session(pg::Transaction& tx, const NewSession& session) {
    return !tx.run(sql::insert_session,
                   pqxx::params{session.session_id, session.user_id.to_string(), rows::text_of(session.tenant_id),
                                rows::null_if_empty(rows::without_nul(session.title)), session.purpose,
                                rows::null_if_empty(session.channel), session.parent_session_id, session.model_choice,
                                session.template_slug})
                .empty();
}

std::optional<SessionRow> freeze_template(pg::Transaction& tx, const std::string& session_id) {
    auto session = find_session(tx, session_id);
    if (!session || !session->template_slug || session->has_snapshot) return session;
    (void)tx.run(sql::freeze_template, pqxx::params{session_id});
    return find_session(tx, session_id);
}

void set_runtime_session(pg::Transaction& tx, const std::string& session_id, const std::string& runtime_session_id) {
    (void)tx.run(sql::set_runtime_session, pqxx::params{session_id, runtime_session_id});
}

}  // namespace oiab::store
