#include "store/embeddings.hpp"

#include "store/rows.hpp"
#include "store/sql.hpp"

namespace oiab::store {

std::vector<MemoryText> claim_unembedded(pg::Transaction& tx, const EmbeddingScope& scope, const std::string& model,
                                         int limit, core::JobId job, std::chrono::seconds hold) {
    std::vector<MemoryText> claimed;
    const auto found =
        tx.run(sql::claim_unembedded, pqxx::params{rows::text_of(scope.tenant_id), rows::text_of(scope.user_id), model,
                                                   limit, job.to_string(), static_cast<double>(hold.count())});
    for (const auto& row : found) {
        claimed.push_back({rows::read_id<core::MemoryId>(row["id"]), rows::read_text(row["content"]),
                           rows::read_text(row["content_sha256"])});
    }
    return claimed;
}

std::size_t store_embeddings(pg::Transaction& tx, const std::string& model, std::span<const NewEmbedding> embeddings) {
    auto list = nlohmann::json::array();
    for (const auto& embedding : embeddings) {
        list.push_back({{"id", embedding.id.to_string()},
                        {"content_sha256", embedding.content_sha256},
                        {"embedding", rows::vector_literal(embedding.values)}});
    }
    return static_cast<std::size_t>(tx.run(sql::store_embeddings, pqxx::params{model, rows::dump(list)}).size());
}

void skip_embedding(pg::Transaction& tx, core::MemoryId id, const std::string& reason) {
    (void)tx.run(sql::skip_embedding, pqxx::params{id.to_string(), rows::without_nul(reason)});
}

void release_unembedded(pg::Transaction& tx, core::JobId job) {
    (void)tx.run(sql::release_unembedded, pqxx::params{job.to_string()});
}

bool has_unembedded(pg::Transaction& tx, const EmbeddingScope& scope, const std::string& model) {
    return tx
        .run(sql::has_unembedded,
             pqxx::params{rows::text_of(scope.tenant_id), rows::text_of(scope.user_id), model})[0][0]
        .as<bool>();
}

std::map<std::string, std::vector<float>> find_cached_embeddings(pg::Transaction& tx, const std::string& model,
                                                                 std::span<const std::string> content_sha256) {
    const nlohmann::json wanted = std::vector<std::string>{content_sha256.begin(), content_sha256.end()};
    std::map<std::string, std::vector<float>> known;
    for (const auto& row : tx.run(sql::find_cached_embeddings, pqxx::params{model, wanted.dump()})) {
        known.emplace(rows::read_text(row["content_sha256"]), rows::read_vector(row["embedding"].view()));
    }
    return known;
}

void cache_embeddings(pg::Transaction& tx, const std::string& model,
                      const std::map<std::string, std::vector<float>>& embeddings) {
    if (embeddings.empty()) return;
    auto list = nlohmann::json::array();
    for (const auto& [sha, values] : embeddings) {
        list.push_back({{"content_sha256", sha}, {"embedding", rows::vector_literal(values)}});
    }
    (void)tx.run(sql::cache_embeddings, pqxx::params{model, list.dump()});
}

}  // namespace oiab::store
