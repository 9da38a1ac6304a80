#pragma once
/// @file  Memories: keeping and recalling them. Who may see which is decided in SQL, never afterwards. Lane threads
/// only; every function blocks and throws what the transaction does.

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/uuid.hpp"
#include "pg/transaction.hpp"

namespace oiab::store {

struct NewMemory {
    core::UserId user_id;
    std::optional<core::TenantId> tenant_id;
    std::string kind = "fact";  ///< fact, preference, event, skill-note
    std::string content;
    std::string visibility = "private";  ///< private, team, org
    std::optional<std::string> source_session_id;
    std::optional<std::string> idempotency_key;
};

/// Adds the memory; with a key that was used before, nothing.
/// @returns its id, or that of the one with the same key.
core::MemoryId insert_memory(pg::Transaction& tx, const NewMemory& memory);

/// What somebody said about how they want to be treated. There is one memory a topic and user, which the latest word
/// replaces.
struct NewPreference {
    core::UserId user_id;
    std::optional<core::TenantId> tenant_id;
    std::string topic;
    std::string content;
    std::string source_session_id;
    std::string idempotency_key;
    core::JobId job;    ///< whose turn it was said in
    std::string value;  ///< what was said: a memory that the same turn added about it becomes this one. Empty for none
};

struct KeptPreference {
    core::MemoryId id;
    bool replaced = false;  ///< an earlier one of the topic, whose text changed
};

/// Adds the preference, or replaces what was known about its topic. Others who do so for the same user wait until `tx`
/// ends.
/// @returns nullopt where just this is known already
std::optional<KeptPreference> keep_preference(pg::Transaction& tx, const NewPreference& preference);

/// On whose behalf memories are read, and what the user's roles allow.
struct MemoryReader {
    core::UserId user_id;
    std::optional<core::TenantId> tenant_id;
    bool own = false;   ///< memory.read_own
    bool team = false;  ///< memory.read_team
    bool org = false;   ///< memory.read_org
};

struct MemoryRow {
    core::MemoryId id;
    std::string kind;
    std::string content;
    std::string visibility;
    double similarity = 0;  ///< cosine, or of trigrams, 0 to 1; 0 where the order is by age
};

/// False where the database was set up with embeddings = off: only the other ways of recall work then.
[[nodiscard]] bool has_embeddings(pg::Transaction& tx);

/// The memories whose embedding by `model` is nearest by cosine, nearest first, none below `threshold`.
[[nodiscard]] std::vector<MemoryRow> recall_similar(pg::Transaction& tx, const MemoryReader& reader,
                                                    const std::string& model, std::span<const float> embedding,
                                                    double threshold, int limit);
/// The newest first.
[[nodiscard]] std::vector<MemoryRow> recall_recent(pg::Transaction& tx, const MemoryReader& reader, int limit);
/// So that it is asked with those of others; see pg::Transaction::announce.
void announce_recent(pg::Transaction& tx, const MemoryReader& reader, int limit);
/// Those whose text resembles the query by trigrams or contains it, best first. Works without embeddings.
[[nodiscard]] std::vector<MemoryRow> search_memories(pg::Transaction& tx, const MemoryReader& reader,
                                                     const std::string& query, int limit);

}  // namespace oiab::store
