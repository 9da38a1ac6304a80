#include "agent/recall.hpp"

#include <boost/asio/error.hpp>
#include <boost/system/system_error.hpp>
#include <optional>

#include "agent/ledger.hpp"
#include "agent/tokens.hpp"

namespace oiab::agent {
namespace {

namespace asio = boost::asio;

/// Embedding models take about 8000 tokens; what a text is about shows long before.
constexpr std::int64_t kMaxQueryTokens = 6'000;

struct Query {
    std::vector<float> vector;
    std::int64_t tokens = 0;
};

asio::awaitable<std::optional<Query>> embed_query(Attempt& attempt, const AgentWorld& world, std::string text) {
    std::vector<std::string> texts{std::string{cut_to_tokens(text, kMaxQueryTokens)}};
    const auto deadline = attempt.deadline().or_earlier(core::Deadline::after(world.settings.recall.timeout));
    auto embedded = co_await world.embedder->embed(std::move(texts), deadline);
    if (!embedded) {
        if (embedded.error().kind == clients::ModelErrorClass::kCancelled) {
            throw boost::system::system_error{asio::error::operation_aborted};
        }
        attempt.log(LogLevel::kWarning, "memories are recalled without similarity: " + embedded.error().message);
        co_return std::nullopt;
    }
    if (embedded->items.size() != 1 || embedded->items.front().refused()) co_return std::nullopt;
    co_return Query{std::move(embedded->items.front().vector), embedded->tokens};
}

std::vector<store::MemoryRow> without_similarity(pg::Transaction& tx, const store::MemoryReader& reader,
                                                 const std::string& text, int limit, RecallFallback fallback) {
    return fallback == RecallFallback::kRecent ? store::recall_recent(tx, reader, limit)
                                               : store::search_memories(tx, reader, text, limit);
}

}  // namespace

asio::awaitable<std::vector<store::MemoryRow>> recall(Attempt& attempt, const AgentWorld& world, const Person& person,
                                                      std::string session_id, std::string text, std::string request_id,
                                                      RecallFallback fallback) {
    const RecallSettings& settings = world.settings.recall;
    const auto reader = person.reader();
    if (!reader.own && !reader.team && !reader.org) co_return std::vector<store::MemoryRow>{};

    std::optional<Query> query;
    if (world.embedder) {
        auto ask = [](pg::Transaction& tx) { return store::has_embeddings(tx); };
        if (co_await attempt.transact(ask)) query = co_await embed_query(attempt, world, text);
    }
    auto find = [&](pg::Transaction& tx) {
        if (!query) return without_similarity(tx, reader, text, settings.limit, fallback);
        Charge charge;
        charge.request_id = request_id;
        charge.job_id = attempt.job().id;
        charge.session_id = session_id;
        charge.purpose = "embedding";
        charge.model = {world.settings.embedding_provider, std::string{world.embedder->model()}};
        charge.tokens.input = query->tokens;
        charge.cost_usd = cost_usd(charge.tokens, load_price(tx, charge.model));
        record_charge(tx, person, charge);
        return store::recall_similar(tx, reader, charge.model.model, query->vector, settings.threshold, settings.limit);
    };
    co_return co_await attempt.transact(find);
}

}  // namespace oiab::agent
