#include "handlers/embed_memories.hpp"

#include <boost/asio/error.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/system/system_error.hpp>
#include <exception>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "agent/installation_embedder.hpp"
#include "agent/ledger.hpp"
#include "agent/tokens.hpp"
#include "agent/trajectory.hpp"
#include "handlers/payload.hpp"
#include "store/embeddings.hpp"
#include "store/memories.hpp"

namespace oiab::handlers {
namespace {

namespace asio = boost::asio;
using clients::ModelErrorClass;
using nlohmann::json;
using store::MemoryText;

/// Providers bound the tokens of one call (OpenAI: 300 000); an estimate needs room.
constexpr std::int64_t kMaxCallTokens = 100'000;
/// How long others pass over what is being embedded here. A job that dies takes its own claims up again when it is
/// tried again; only where that never happens do others wait for so long.
constexpr std::chrono::minutes kHold{10};

struct Request {
    store::EmbeddingScope scope;
    std::int64_t limit = 1000;
    std::int64_t batch_size = 96;
};

struct Counts {
    std::int64_t embedded = 0;
    std::int64_t cached = 0;
    std::int64_t skipped = 0;
    std::int64_t tokens = 0;
    std::int64_t calls = 0;
    double cost_usd = 0;

    [[nodiscard]] json to_json() const {
        return {{"embedded", embedded}, {"cached", cached}, {"skipped", skipped},
                {"tokens", tokens},     {"calls", calls},   {"costUsd", cost_usd}};
    }
};

Request read_request(const core::Job& job) {
    const Payload payload{job.payload};
    Request request;
    if (const auto tenant = payload.optional_uuid("tenantId")) request.scope.tenant_id = core::TenantId{*tenant};
    if (const auto user = payload.optional_uuid("userId")) request.scope.user_id = core::UserId{*user};
    // Whoever pays decides about whose memories: a tenant's job is about that tenant's alone, whatever it names.
    if (job.tenant_id) {
        if (request.scope.tenant_id && request.scope.tenant_id != job.tenant_id)
            Payload::refuse("tenantId", "is not the job's own tenant");
        request.scope.tenant_id = job.tenant_id;
    } else if (!request.scope.tenant_id && !request.scope.user_id) {
        request.scope.user_id = job.user_id;
    }
    request.limit = payload.optional_integer("limit", 1000, 1, 1'000'000);
    request.batch_size = payload.optional_integer("batchSize", 96, 1, 2048);
    return request;
}

/// Where a provider is out of order and nobody knows for how long.
constexpr std::chrono::seconds kUnknownWait{30};

[[noreturn]] void end_attempt(const clients::ModelError& error) {
    switch (error.kind) {
        case ModelErrorClass::kPermanent:
        case ModelErrorClass::kContextLength:
            throw EndAttempt{
                core::failed(core::FailureReason::kError, "the embedding model refused: " + error.message)};
        case ModelErrorClass::kDeadline:
            throw EndAttempt{core::retry_not_before("the embedding model did not answer in time: " + error.message,
                                                    error.retry_after, core::FailureReason::kTimeout)};
        case ModelErrorClass::kCancelled: throw boost::system::system_error{asio::error::operation_aborted};
        // Nothing was asked of the provider, so no attempt is burnt.
        case ModelErrorClass::kUnavailable: throw EndAttempt{core::snoozed(error.retry_after.value_or(kUnknownWait))};
        case ModelErrorClass::kRetryable: break;
    }
    throw EndAttempt{core::retry_not_before("the embedding call failed: " + error.message, error.retry_after)};
}

/// One attempt's work on a backfill.
class Backfill {
public:
    Backfill(Attempt& attempt, const agent::AgentWorld& world, Request request)
        : attempt_{attempt}, world_{world}, request_{std::move(request)}, model_{world.embedder->model()} {}

    asio::awaitable<core::Outcome> run() {
        using namespace boost::asio::experimental::awaitable_operators;
        auto find = [this](pg::Transaction& tx) {
            payer_ = agent::find_payer(tx, request_.scope.user_id ? request_.scope.user_id : attempt_.job().user_id,
                                       request_.scope.tenant_id ? request_.scope.tenant_id : attempt_.job().tenant_id);
        };
        co_await attempt_.transact(find);
        co_await give_up();  // what an earlier attempt had claimed when it died
        // While the provider works on one batch, others are claimed, sent and written. The coroutines of an attempt
        // take turns on its executor, so that they need no lock.
        co_await (embed_batches() && embed_batches() && embed_batches() && embed_batches());
        asking_.clear();
        if (!failure_ && !later_.empty()) co_await embed(std::exchange(later_, {}));
        if (failure_) {
            co_await give_up();
            std::rethrow_exception(failure_);
        }
        std::function<std::string(pg::Transaction&)> finish = [this](pg::Transaction& tx) { return conclude(tx); };
        co_return co_await attempt_.complete_in(std::move(finish));
    }

private:
    /// Takes batch after batch, until nothing is left or one of the four has failed. A failure waits for the others'
    /// calls to end: they are paid for.
    asio::awaitable<void> embed_batches() {
        try {
            // Not in the loop's condition: GCC 12.2 loses the frame of a co_await behind a short circuit.
            for (bool more = true; more;) {
                if (failure_) break;
                more = co_await embed_next();
            }
        } catch (...) {  // whatever it is, it ends the attempt, from where all four have come together
            if (!failure_) failure_ = std::current_exception();
        }
    }

    /// @returns false where nothing is left to claim
    asio::awaitable<bool> embed_next() {
        const std::int64_t most = std::min(left_, request_.batch_size);
        if (most <= 0) co_return false;
        left_ -= most;
        auto claim = [&](pg::Transaction& tx) { return claim_batch(tx, most); };
        const auto batch = co_await attempt_.transact(claim);
        left_ += most - static_cast<std::int64_t>(batch.size());
        if (batch.empty()) co_return false;
        co_await embed(batch);
        json progress = counts_.to_json();
        (void)co_await attempt_.progress(std::move(progress));
        co_return true;
    }

    std::vector<MemoryText> claim_batch(pg::Transaction& tx, std::int64_t most) {
        attempt_.guard_in(tx);
        if (!store::has_embeddings(tx)) {
            throw EndAttempt{core::failed(core::FailureReason::kError,
                                          "this database was set up without embeddings (embeddings = off)")};
        }
        if (world_.row_embedder) world_.row_embedder->refresh(tx);
        return store::claim_unembedded(tx, request_.scope, model_, static_cast<int>(most), attempt_.job().id, kHold);
    }

    asio::awaitable<void> embed(std::vector<MemoryText> batch) {
        std::vector<std::string> hashes;
        for (const auto& text : batch) hashes.push_back(text.content_sha256);
        auto look_up = [&](pg::Transaction& tx) { return store::find_cached_embeddings(tx, model_, hashes); };
        auto known = co_await attempt_.transact(look_up);

        std::vector<MemoryText> ready;
        std::vector<MemoryText> asked;
        for (const auto& text : batch) {
            if (known.contains(text.content_sha256)) {
                ready.push_back(text);
            } else if (asking_.contains(text.content_sha256)) {
                later_.push_back(text);
            } else {
                asked.push_back(text);
            }
        }
        for (const auto& text : asked) asking_.insert(text.content_sha256);
        if (!ready.empty()) {
            auto write = [&](pg::Transaction& tx) {
                attempt_.guard_in(tx);
                return write_embeddings(tx, ready, known);
            };
            counts_.cached += co_await attempt_.transact(write);
        }
        for (std::size_t begin = 0; begin < asked.size();) {
            const std::size_t end = end_of_call(asked, begin);
            co_await embed_call(
                {asked.begin() + static_cast<std::ptrdiff_t>(begin), asked.begin() + static_cast<std::ptrdiff_t>(end)});
            begin = end;
        }
    }

    /// As many texts as fit into one call; at least one.
    static std::size_t end_of_call(const std::vector<MemoryText>& texts, std::size_t begin) {
        std::int64_t tokens = 0;
        std::size_t end = begin;
        while (end < texts.size()) {
            tokens += agent::estimate_tokens(texts[end].content);
            if (end > begin && tokens > kMaxCallTokens) break;
            ++end;
        }
        return end;
    }

    asio::awaitable<void> embed_call(std::vector<MemoryText> memories) {
        // A text that comes several times is paid for once.
        std::vector<std::string> texts;
        std::map<std::string, std::size_t> position;
        for (const auto& memory : memories) {
            if (position.emplace(memory.content_sha256, texts.size()).second) texts.push_back(memory.content);
        }
        agent::Charge charge = charge_for(memories, texts);
        auto begin = [&](pg::Transaction& tx) {
            return agent::begin_call(tx, attempt_, payer_, charge, agent::AnswerLength::kNone);
        };
        const auto begun = co_await attempt_.transact(begin);
        if (begun.admission.answer != agent::Admit::kGranted) agent::end_without(begun.admission, attempt_);
        const auto answer = co_await world_.embedder->embed(std::move(texts), attempt_.deadline());
        if (!answer) {
            charge.cost_usd = agent::cost_usd(charge.tokens, begun.price);
            const bool may_be_billed = answer.error().may_be_billed;
            auto abandon = [&](pg::Transaction& tx) {
                agent::abandon_call(tx, payer_, attempt_, charge, may_be_billed);
            };
            if (answer.error().kind != ModelErrorClass::kCancelled) co_await attempt_.transact(abandon);
            end_attempt(answer.error());
        }
        charge.tokens.input = answer->tokens;
        charge.cost_usd = agent::cost_usd(charge.tokens, begun.price);
        auto write = [&](pg::Transaction& tx) { keep(tx, memories, position, *answer, charge); };
        co_await attempt_.transact(write);
        ++counts_.calls;
        counts_.tokens += answer->tokens;
    }

    void keep(pg::Transaction& tx, const std::vector<MemoryText>& memories,
              const std::map<std::string, std::size_t>& position, const clients::Embeddings& answer,
              const agent::Charge& charge) {
        attempt_.guard_in(tx);
        std::map<std::string, std::vector<float>> fresh;
        std::vector<MemoryText> accepted;
        std::set<std::string> seen;
        std::int64_t skipped = 0;
        std::int64_t repeated = 0;
        for (const auto& memory : memories) {
            const auto& item = answer.items.at(position.at(memory.content_sha256));
            if (item.refused()) {
                store::skip_embedding(tx, memory.id, item.refusal);
                ++skipped;
                continue;
            }
            if (!seen.insert(memory.content_sha256).second) ++repeated;
            fresh[memory.content_sha256] = item.vector;
            accepted.push_back(memory);
        }
        const std::int64_t written = write_embeddings(tx, accepted, fresh);
        if (!fresh.empty()) store::cache_embeddings(tx, model_, fresh);
        agent::end_call(tx, payer_, attempt_.job().lease_epoch, charge);
        counts_.cost_usd += charge.cost_usd;
        counts_.skipped += skipped;
        counts_.cached += repeated;
        counts_.embedded += written - repeated;
    }

    std::int64_t write_embeddings(pg::Transaction& tx, const std::vector<MemoryText>& memories,
                                  const std::map<std::string, std::vector<float>>& vectors) {
        std::vector<store::NewEmbedding> embeddings;
        for (const auto& memory : memories) {
            embeddings.push_back({memory.id, memory.content_sha256, vectors.at(memory.content_sha256)});
        }
        return static_cast<std::int64_t>(store::store_embeddings(tx, model_, embeddings));
    }

    /// One usage record a call. Its key is made of the texts, so that a call that is repeated after a crash counts
    /// once.
    [[nodiscard]] agent::Charge charge_for(const std::vector<MemoryText>& memories,
                                           const std::vector<std::string>& texts) const {
        std::string key;
        for (const auto& memory : memories) key += memory.content_sha256;
        agent::Charge charge;
        charge.request_id = attempt_.job().id.to_string() + ":embedding-" + agent::sha256_hex(key).substr(0, 16);
        charge.job_id = attempt_.job().id;
        charge.purpose = "embedding";
        charge.model = {world_.settings.embedding_provider, model_,
                        world_.row_embedder ? world_.row_embedder->row() : nullptr};
        for (const auto& text : texts) charge.tokens.input += agent::estimate_tokens(text);
        return charge;
    }

    asio::awaitable<void> give_up() {
        auto release = [this](pg::Transaction& tx) {
            attempt_.guard_in(tx);
            store::release_unembedded(tx, attempt_.job().id);
        };
        co_await attempt_.transact(release);
    }

    std::string conclude(pg::Transaction& tx) {
        // What is still claimed changed while it was embedded: it is left to the successor.
        store::release_unembedded(tx, attempt_.job().id);
        const bool more = store::has_unembedded(tx, request_.scope, model_);
        if (more) {
            core::NewJob next;
            next.kind = attempt_.job().kind;
            next.payload = attempt_.job().payload;
            next.dedupe_key = attempt_.job().dedupe_key;
            next.priority = attempt_.job().priority;
            next.tenant_id = attempt_.job().tenant_id;
            next.user_id = attempt_.job().user_id;
            attempt_.enqueue_in(tx, next);
        }
        json result = counts_.to_json();
        result["model"] = model_;
        result["successor"] = more;
        return result.dump();
    }

    Attempt& attempt_;
    const agent::AgentWorld& world_;
    const Request request_;
    const std::string model_;
    agent::Payer payer_;
    Counts counts_;
    std::int64_t left_ = request_.limit;  ///< of what this job may still claim
    std::set<std::string> asking_;        ///< texts that a call of this job has asked about, by hash
    std::vector<MemoryText> later_;  ///< of texts that another batch is just asking about: the cache will have them
    std::exception_ptr failure_;     ///< the first one
};

}  // namespace

EmbedMemories::EmbedMemories(std::shared_ptr<const agent::AgentWorld> world) : world_{std::move(world)} {}

asio::awaitable<core::Outcome> EmbedMemories::run(Attempt& attempt) {
    Request request = read_request(attempt.job());
    if (!world_->embedder) {
        co_return core::failed(core::FailureReason::kError, "no embedding model is configured (embedding_model)");
    }
    Backfill backfill{attempt, *world_, std::move(request)};
    co_return co_await backfill.run();
}

}  // namespace oiab::handlers
