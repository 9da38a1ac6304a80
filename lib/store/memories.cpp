#include "store/memories.hpp"

#include "pg/questions.hpp"
#include "store/rows.hpp"
#include "store/sql.hpp"

namespace oiab::store {
namespace {

template <typename Rows>
std::vector<MemoryRow> read_memories(const Rows& found) {
    std::vector<MemoryRow> memories;
    for (const pqxx::row& row : found) {
        memories.push_back({rows::read_id<core::MemoryId>(row["id"]), rows::read_text(row["kind"]),
                            rows::read_text(row["content"]), rows::read_text(row["visibility"]),
                            row["similarity"].as<double>()});
    }
    return memories;
}

pqxx::params reader_params(const MemoryReader& reader) {
    return pqxx::params{reader.user_id.to_string(), rows::text_of(reader.tenant_id), reader.own, reader.team,
                        reader.org};
}

std::string recent_question(const MemoryReader& reader, int limit) {
    return rows::dump({{"user_id", reader.user_id.to_string()},
                       {"tenant_id", rows::json_of(reader.tenant_id)},
                       {"own", reader.own},
                       {"team", reader.team},
                       {"org", reader.org},
                       {"how_many", limit}});
}

}  // namespace

core::MemoryId insert_memory(pg::Transaction& tx, const NewMemory& memory) {
    const auto inserted =
        tx.run(sql::insert_memory, pqxx::params{memory.user_id.to_string(), rows::text_of(memory.tenant_id),
                                                memory.kind, rows::without_nul(memory.content), memory.visibility,
                                                memory.source_session_id, memory.idempotency_key});
    if (!inserted.empty()) return rows::read_id<core::MemoryId>(inserted[0][0]);
    const auto found = tx.run(sql::find_memory_by_key, pqxx::params{memory.idempotency_key});
    // Somebody removed it between the two statements: the wish to remember was fulfilled and then revoked.
    return found.empty() ? core::MemoryId{} : rows::read_id<core::MemoryId>(found[0][0]);
}

std::optional<KeptPreference> keep_preference(pg::Transaction& tx, const NewPreference& preference) {
    (void)tx.run(sql::lock_preferences, pqxx::params{preference.user_id.to_string()});
    const auto kept = tx.run(
        sql::keep_preference,
        pqxx::params{preference.user_id.to_string(), rows::text_of(preference.tenant_id), preference.topic,
                     rows::without_nul(preference.content), preference.source_session_id, preference.idempotency_key,
                     preference.job.to_string() + ":", rows::without_nul(preference.value)});
    if (kept.empty()) return std::nullopt;
    return KeptPreference{rows::read_id<core::MemoryId>(kept[0]["id"]), kept[0]["replaced"].as<bool>()};
}

bool has_embeddings(pg::Transaction& tx) { return tx.run(sql::has_embeddings)[0][0].as<bool>(); }

std::vector<MemoryRow> recall_similar(pg::Transaction& tx, const MemoryReader& reader, const std::string& model,
                                      std::span<const float> embedding, double threshold, int limit) {
    const bool has_bits = tx.run(sql::prepare_recall)[0]["has_bits"].as<bool>();
    auto params = reader_params(reader);
    params.append(model);
    params.append(rows::vector_literal(embedding));
    params.append(threshold);
    params.append(limit);
    return read_memories(tx.run(has_bits ? sql::recall_similar : sql::recall_exact, params));
}

void announce_recent(pg::Transaction& tx, const MemoryReader& reader, int limit) {
    tx.announce(sql::recall_recent, recent_question(reader, limit));
}

std::vector<MemoryRow> recall_recent(pg::Transaction& tx, const MemoryReader& reader, int limit) {
    return read_memories(tx.look_for(sql::recall_recent, recent_question(reader, limit)));
}

std::vector<MemoryRow> search_memories(pg::Transaction& tx, const MemoryReader& reader, const std::string& query,
                                       int limit) {
    auto params = reader_params(reader);
    params.append(rows::without_nul(query));
    params.append(limit);
    return read_memories(tx.run(sql::search_memories, params));
}

}  // namespace oiab::store
