#include "store/messages.hpp"

#include "pg/database_error.hpp"
#include "pg/questions.hpp"
#include "store/json_rows.hpp"
#include "store/rows.hpp"
#include "store/sql.hpp"

namespace oiab::store {
namespace {

using nlohmann::json;

template <typename Rows>
std::vector<MessageRow> read_messages(const Rows& found) {
    std::vector<MessageRow> messages;
    for (const pqxx::row& row : found) {
        MessageRow message;
        message.seq = row["seq"].as<std::int64_t>();
        message.role = rows::read_text(row["role"]);
        message.content = rows::read_text(row["content"]);
        message.parts = rows::read_optional_text(row["parts"]);
        message.tool_calls = rows::read_optional_text(row["tool_calls"]);
        message.tool_call_id = rows::read_optional_text(row["tool_call_id"]);
        message.job_id = rows::read_optional_id<core::JobId>(row["job_id"]);
        message.step = rows::read_text(row["step"]);
        message.ordinal = row["ordinal"].as<int>();
        messages.push_back(std::move(message));
    }
    return messages;
}

std::string question(const std::string& session_id, int limit) {
    return rows::dump({{"session_id", session_id}, {"how_many", limit}});
}

}  // namespace

std::size_t append_messages(pg::Transaction& tx, const std::string& session_id, std::span<const NewMessage> messages) {
    if (tx.run(sql::lock_session, pqxx::params{session_id}).empty()) {
        throw pg::DatabaseError{pg::Trouble::kRefused, "23503", "there is no session " + session_id};
    }
    json list = json::array();
    for (const auto& message : messages) {
        list.push_back(rows::json_row(message));
        list.back()["place"] = list.size();
    }
    return static_cast<std::size_t>(tx.run(sql::append_messages, pqxx::params{session_id, rows::dump(list)}).size());
}

void announce_messages(pg::Transaction& tx, const std::string& session_id, int limit) {
    tx.announce(sql::load_messages, question(session_id, limit));
}

std::vector<MessageRow> load_messages(pg::Transaction& tx, const std::string& session_id, int limit) {
    return read_messages(tx.look_for(sql::load_messages, question(session_id, limit)));
}

std::vector<MessageRow> load_turn_messages(pg::Transaction& tx, const std::string& session_id, core::JobId job) {
    return read_messages(tx.run(sql::load_turn_messages, pqxx::params{session_id, job.to_string()}));
}

}  // namespace oiab::store
