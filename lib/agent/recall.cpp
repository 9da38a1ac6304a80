#include "agent/recall.hpp"

#include <boost/asio/error.hpp>
#include <boost/system/system_error.hpp>
#include <optional>

#include "agent/installation_embedder.hpp"
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

/// The embedding of one text: set aside, asked for, charged. Where it fails, or is too much for the budget, memories
/// are found without.
class Embedding {
public:
    Embedding(Attempt& attempt, const AgentWorld& world, const Person& person, std::string session_id,
              std::string request_id)
        : attempt_{attempt}, world_{world}, payer_{payer_of(person)} {
        charge_.request_id = std::move(request_id);
        charge_.job_id = attempt.job().id;
        charge_.session_id = std::move(session_id);
        charge_.purpose = "embedding";
        charge_.model = {world.settings.embedding_provider, std::string{world.embedder->model()}};
    }

    asio::awaitable<std::optional<Query>> ask(std::string_view text) {
        std::vector<std::string> texts{std::string{cut_to_tokens(text, kMaxQueryTokens)}};
        charge_.tokens.input = estimate_tokens(texts.front());
        auto begin = [this](pg::Transaction& tx) { return admit(tx); };
        if (!co_await attempt_.transact(begin)) co_return std::nullopt;
        const auto deadline = attempt_.deadline().or_earlier(core::Deadline::after(world_.settings.recall.timeout));
        auto embedded = co_await world_.embedder->embed(std::move(texts), deadline);
        if (!embedded) {
            if (embedded.error().kind == clients::ModelErrorClass::kCancelled) {
                throw boost::system::system_error{asio::error::operation_aborted};
            }
            attempt_.log(LogLevel::kWarning, "memories are recalled without similarity: " + embedded.error().message);
            const bool may_be_billed = embedded.error().may_be_billed;
            auto abandon = [&](pg::Transaction& tx) { abandon_call(tx, payer_, attempt_, charge_, may_be_billed); };
            co_await attempt_.transact(abandon);
            co_return std::nullopt;
        }
        charge_.tokens.input = embedded->tokens;
        charge_.cost_usd = cost_usd(charge_.tokens, price_);
        Query query{{}, embedded->tokens};
        if (embedded->items.size() == 1) query.vector = std::move(embedded->items.front().vector);
        co_return query;
    }

    void charge(pg::Transaction& tx) const {
        attempt_.guard_in(tx);
        end_call(tx, payer_, attempt_.job().lease_epoch, charge_);
    }
    [[nodiscard]] const std::string& model() const noexcept { return charge_.model.model; }

private:
    /// @returns whether the call may be made.
    bool admit(pg::Transaction& tx) {
        if (!store::has_embeddings(tx)) return false;
        if (world_.row_embedder) {
            world_.row_embedder->refresh(tx);
            charge_.model.row = world_.row_embedder->row();
        }
        const auto begun = begin_call(tx, attempt_, payer_, charge_, AnswerLength::kNone);
        price_ = begun.price;
        charge_.cost_usd = cost_usd(charge_.tokens, price_);
        if (begun.admission.answer == Admit::kGranted) return true;
        attempt_.log(LogLevel::kWarning, "memories are recalled without similarity: the budget affords no embedding");
        return false;
    }

    Attempt& attempt_;
    const AgentWorld& world_;
    const Payer payer_;
    Charge charge_;
    Price price_;
};

std::vector<store::MemoryRow> without_similarity(pg::Transaction& tx, const store::MemoryReader& reader,
                                                 const std::string& text, int limit, RecallFallback fallback) {
    return fallback == RecallFallback::kRecent ? store::recall_recent(tx, reader, limit)
                                               : store::search_memories(tx, reader, text, limit);
}

bool reads_any(const store::MemoryReader& reader) { return reader.own || reader.team || reader.org; }

}  // namespace

bool wants_embedding(pg::Transaction& tx, const AgentWorld& world, const Person& person) {
    return world.embedder && reads_any(person.reader()) && store::has_embeddings(tx);
}

std::vector<store::MemoryRow> recall_in(pg::Transaction& tx, const AgentWorld& world, const Person& person,
                                        const std::string& text, RecallFallback fallback) {
    const auto reader = person.reader();
    if (!reads_any(reader)) return {};
    return without_similarity(tx, reader, text, world.settings.recall.limit, fallback);
}

void announce_recall(pg::Transaction& tx, const AgentWorld& world, const Person& person) {
    const auto reader = person.reader();
    if (reads_any(reader)) store::announce_recent(tx, reader, world.settings.recall.limit);
}

asio::awaitable<std::vector<store::MemoryRow>> recall(Attempt& attempt, const AgentWorld& world, const Person& person,
                                                      std::string session_id, std::string text, std::string request_id,
                                                      RecallFallback fallback) {
    const RecallSettings& settings = world.settings.recall;
    const auto reader = person.reader();
    if (!reads_any(reader)) co_return std::vector<store::MemoryRow>{};

    std::optional<Embedding> embedding;
    std::optional<Query> query;
    if (world.embedder) {
        embedding.emplace(attempt, world, person, std::move(session_id), std::move(request_id));
        query = co_await embedding->ask(text);
    }
    auto find = [&](pg::Transaction& tx) {
        if (query) embedding->charge(tx);
        // A vector that the provider refused to make is paid for, too.
        if (!query || query->vector.empty()) return without_similarity(tx, reader, text, settings.limit, fallback);
        return store::recall_similar(tx, reader, embedding->model(), query->vector, settings.threshold, settings.limit);
    };
    co_return co_await attempt.transact(find);
}

}  // namespace oiab::agent
