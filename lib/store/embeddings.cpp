#include "store/embeddings.hpp"

#include "store/rows.hpp"
#include "store/sql.hpp"
#include "store/vector_array.hpp"

namespace oiab::store {
namespace {

/// An array of values that need no quotes: ids, digests.
class PlainArray {
public:
    void append(std::string_view value) {
        if (text_.size() > 1) text_ += ',';
        text_ += value;
    }
    [[nodiscard]] std::string take() && { return std::move(text_ += '}'); }

private:
    std::string text_ = "{";
};

}  // namespace

std::vector<MemoryText> claim_unembedded(pg::Transaction& tx, const EmbeddingScope& scope, const std::string& model,
                                         int limit, core::JobId job, std::chrono::seconds hold) {
    pqxx::params parameters{rows::text_of(scope.user_id), model, limit, job.to_string(),
                            static_cast<double>(hold.count())};
    if (scope.tenant_id) parameters.append(scope.tenant_id->to_string());
    const auto found = tx.run(scope.tenant_id ? sql::claim_unembedded_of_tenant : sql::claim_unembedded, parameters);
    std::vector<MemoryText> claimed;
    for (const auto& row : found) {
        claimed.push_back({rows::read_id<core::MemoryId>(row["id"]), rows::read_text(row["content"]),
                           rows::read_text(row["content_sha256"])});
    }
    return claimed;
}

std::size_t store_embeddings(pg::Transaction& tx, const std::string& model, std::span<const NewEmbedding> embeddings) {
    PlainArray ids;
    PlainArray digests;
    std::vector<const std::vector<float>*> vectors;
    for (const auto& embedding : embeddings) {
        ids.append(embedding.id.to_string());
        digests.append(embedding.content_sha256);
        vectors.push_back(&embedding.values);
    }
    if (vectors.empty()) return 0;
    return static_cast<std::size_t>(
        tx.run(sql::store_embeddings,
               pqxx::params{model, std::move(ids).take(), std::move(digests).take(), vector_array(tx, vectors)})
            .size());
}

void skip_embedding(pg::Transaction& tx, core::MemoryId id, const std::string& reason) {
    (void)tx.run(sql::skip_embedding, pqxx::params{id.to_string(), rows::without_nul(reason)});
}

void release_unembedded(pg::Transaction& tx, core::JobId job) {
    (void)tx.run(sql::release_unembedded, pqxx::params{job.to_string()});
}

bool has_unembedded(pg::Transaction& tx, const EmbeddingScope& scope, const std::string& model) {
    pqxx::params parameters{rows::text_of(scope.user_id), model};
    if (scope.tenant_id) parameters.append(scope.tenant_id->to_string());
    return tx.run(scope.tenant_id ? sql::has_unembedded_of_tenant : sql::has_unembedded, parameters)[0][0].as<bool>();
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
    PlainArray digests;
    std::vector<const std::vector<float>*> vectors;
    for (const auto& [sha, values] : embeddings) {
        digests.append(sha);
        vectors.push_back(&values);
    }
    (void)tx.run(sql::cache_embeddings, pqxx::params{model, std::move(digests).take(), vector_array(tx, vectors)});
}

}  // namespace oiab::store
