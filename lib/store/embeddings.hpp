#pragma once
/// @file  Making embeddings for memories: who lacks one, what is known already, writing them down. Needs a database
/// with embeddings. Lane threads only; every function blocks and throws what the transaction does.

#include <chrono>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/uuid.hpp"
#include "pg/transaction.hpp"

namespace oiab::store {

/// Which memories a backfill is about; what is empty restricts nothing.
struct EmbeddingScope {
    std::optional<core::TenantId> tenant_id;
    std::optional<core::UserId> user_id;
};

struct MemoryText {
    core::MemoryId id;
    std::string content;
    std::string content_sha256;  ///< hexadecimal, of the UTF-8 text
};

/// Claims up to `limit` memories that have no embedding by `model`, oldest first, for `hold`: the provider is called
/// outside of any transaction, and others of the same backfill pass these over meanwhile, the same job's other batches
/// included: what an earlier attempt of it had claimed is released first (release_unembedded).
[[nodiscard]] std::vector<MemoryText> claim_unembedded(pg::Transaction& tx, const EmbeddingScope& scope,
                                                       const std::string& model, int limit, core::JobId job,
                                                       std::chrono::seconds hold);

struct NewEmbedding {
    core::MemoryId id;
    std::string content_sha256;  ///< of the text that was embedded: a memory that changed meanwhile is left for later
    std::vector<float> values;   ///< 1536 of them
};

/// Writes embeddings down and ends their claims. @returns how many.
std::size_t store_embeddings(pg::Transaction& tx, const std::string& model, std::span<const NewEmbedding> embeddings);

/// Marks a memory whose text the provider refuses, so that it is not tried again until the text changes.
void skip_embedding(pg::Transaction& tx, core::MemoryId id, const std::string& reason);

/// Gives up what the job has claimed and not written: others may take it at once.
void release_unembedded(pg::Transaction& tx, core::JobId job);

/// Whether somebody else's claims aside anything is left to do.
[[nodiscard]] bool has_unembedded(pg::Transaction& tx, const EmbeddingScope& scope, const std::string& model);

/// The embeddings by `model` that were paid for before, by the text's SHA-256 in hexadecimal.
[[nodiscard]] std::map<std::string, std::vector<float>> find_cached_embeddings(
    pg::Transaction& tx, const std::string& model, std::span<const std::string> content_sha256);
void cache_embeddings(pg::Transaction& tx, const std::string& model,
                      const std::map<std::string, std::vector<float>>& embeddings);

}  // namespace oiab::store
