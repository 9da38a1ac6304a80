#include "store/dispatches.hpp"

#include <string_view>

#include "store/rows.hpp"
#include "store/sql.hpp"

namespace oiab::store {
namespace {

DispatchStatus read_dispatch_status(std::string_view text) {
    if (text == "executing") return DispatchStatus::kExecuting;
    if (text == "synthesizing") return DispatchStatus::kSynthesizing;
    if (text == "completed") return DispatchStatus::kCompleted;
    return DispatchStatus::kFailed;
}

}  // namespace

bool insert_dispatch(pg::Transaction& tx, const NewDispatch& dispatch) {
    auto members = nlohmann::json::array();
    for (const auto& member : dispatch.members) members.push_back({{"agent", member.agent}, {"task", member.task}});
    const auto made =
        tx.run(sql::insert_dispatch,
               pqxx::params{dispatch.id.to_string(), rows::text_of(dispatch.tenant_id), dispatch.user_id.to_string(),
                            dispatch.parent_session_id, dispatch.job_id.to_string(), dispatch.mode,
                            rows::without_nul(dispatch.rationale), rows::dump(members)});
    if (made.empty()) return false;
    (void)tx.run(sql::start_dispatch, pqxx::params{dispatch.id.to_string()});
    return true;
}

std::optional<DispatchRow> find_dispatch(pg::Transaction& tx, DispatchId id) {
    const auto found = tx.run(sql::find_dispatch, pqxx::params{id.to_string()});
    if (found.empty()) return std::nullopt;
    const auto row = found[0];
    DispatchRow dispatch;
    dispatch.id = id;
    dispatch.tenant_id = rows::read_optional_id<core::TenantId>(row["tenant_id"]);
    dispatch.user_id = rows::read_id<core::UserId>(row["user_id"]);
    dispatch.parent_session_id = rows::read_text(row["parent_session_id"]);
    dispatch.mode = rows::read_text(row["mode"]);
    dispatch.rationale = rows::read_text(row["rationale"]);
    dispatch.status = read_dispatch_status(row["status"].view());
    dispatch.result = rows::read_text(row["result"]);
    dispatch.error = rows::read_text(row["error"]);
    return dispatch;
}

std::vector<MemberRow> load_members(pg::Transaction& tx, DispatchId id) {
    std::vector<MemberRow> members;
    for (const auto& row : tx.run(sql::load_members, pqxx::params{id.to_string()})) {
        MemberRow& member = members.emplace_back();
        member.member = row["member"].as<int>();
        member.agent = rows::read_text(row["agent"]);
        member.task = rows::read_text(row["task"]);
        member.status = read_subtask_status(row["status"].view());
        member.result = rows::read_text(row["result"]);
        member.error = rows::read_text(row["error"]);
        member.age = std::chrono::seconds{row["age_seconds"].as<std::int64_t>()};
    }
    return members;
}

bool begin_member(pg::Transaction& tx, DispatchId id, int member, const std::string& session_id) {
    return !tx.run(sql::begin_member, pqxx::params{id.to_string(), member, rows::null_if_empty(session_id)}).empty();
}

bool complete_member(pg::Transaction& tx, DispatchId id, int member, const std::string& result) {
    // The dispatch's row first, as on every path that moves it on.
    (void)tx.run(sql::lock_dispatch, pqxx::params{id.to_string()});
    if (tx.run(sql::complete_member, pqxx::params{id.to_string(), member, rows::without_nul(result)}).empty())
        return false;
    (void)tx.run(sql::advance_dispatch, pqxx::params{id.to_string()});
    return true;
}

bool complete_dispatch(pg::Transaction& tx, DispatchId id, const std::string& result) {
    return !tx.run(sql::complete_dispatch, pqxx::params{id.to_string(), rows::without_nul(result)}).empty();
}

}  // namespace oiab::store
