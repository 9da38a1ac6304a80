#include "handlers/memory_backfill.hpp"

#include <boost/asio/error.hpp>
#include <boost/system/system_error.hpp>
#include <nlohmann/json.hpp>
#include <utility>

#include "agent/installation_embedder.hpp"
#include "agent/tokens.hpp"
#include "agent/trajectory.hpp"
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

/// As many texts as fit into one call; at least one.
std::size_t end_of_call(const std::vector<MemoryText>& texts, std::size_t begin) {
    std::int64_t tokens = 0;
    std::size_t end = begin;
    while (end < texts.size()) {
        tokens += agent::estimate_tokens(texts[end].content);
        if (end > begin && tokens > kMaxCallTokens) break;
        ++end;
    }
    return end;
}

asio::awaitable<clients::Turnstile::Pass> pass_through(clients::Turnstile& turnstile) {
    auto pass = co_await turnstile.enter();
    if (!pass) throw boost::system::system_error{asio::error::operation_aborted};
    co_return std::move(*pass);
}

}  // namespace

json MemoryBackfill::Counts::to_json() const {
    return {{"embedded", embedded}, {"cached", cached}, {"skipped", skipped},
            {"tokens", tokens},     {"calls", calls},   {"costUsd", cost_usd}};
}

void MemoryBackfill::Counts::operator+=(const Counts& more) {
    embedded += more.embedded;
    cached += more.cached;
    skipped += more.skipped;
    tokens += more.tokens;
    calls += more.calls;
    cost_usd += more.cost_usd;
}

MemoryBackfill::MemoryBackfill(Attempt& attempt, const agent::AgentWorld& world, BackfillRequest request)
    : attempt_{attempt}, world_{world}, request_{std::move(request)}, model_{world.embedder->model()} {}

asio::awaitable<core::Outcome> MemoryBackfill::run() {
    auto find = [this](pg::Transaction& tx) {
        payer_ = agent::find_payer(tx, request_.scope.user_id ? request_.scope.user_id : attempt_.job().user_id,
                                   request_.scope.tenant_id ? request_.scope.tenant_id : attempt_.job().tenant_id);
    };
    co_await attempt_.transact(find);
    co_await give_up();  // what an earlier attempt had claimed when it died
    std::exception_ptr failure;
    try {
        Abreast::Next next = [this] { return embed_next(); };
        co_await batches_.run(std::move(next));
        asking_.clear();
        co_await embed_later();
    } catch (...) {  // whatever it is, it is thrown on below: nothing can be awaited here
        failure = std::current_exception();
    }
    if (failure) {
        co_await give_up();
        std::rethrow_exception(failure);
    }
    std::function<std::string(pg::Transaction&)> finish = [this](pg::Transaction& tx) { return conclude(tx); };
    co_return co_await attempt_.complete_in(std::move(finish));
}

/// @returns false where nothing is left to claim
asio::awaitable<bool> MemoryBackfill::embed_next() {
    Batch batch;
    {
        // One at a time: claims at once pass each other's rows over, and would go away with half a batch or none.
        const auto claiming = co_await pass_through(claiming_);
        const std::int64_t most = std::min(left_, request_.batch_size);
        if (most <= 0 || batches_.failed()) co_return false;
        auto claim = [&](pg::Transaction& tx) { return claim_batch(tx, most); };
        batch = co_await attempt_.transact(claim);
        left_ -= static_cast<std::int64_t>(batch.texts.size());
    }
    if (batch.texts.empty()) co_return false;
    co_await embed(std::move(batch));
    json progress = counts_.to_json();
    (void)co_await attempt_.progress(std::move(progress));
    co_return true;
}

MemoryBackfill::Batch MemoryBackfill::claim_batch(pg::Transaction& tx, std::int64_t most) {
    if (!store::has_embeddings(tx)) {
        throw EndAttempt{core::failed(core::FailureReason::kError,
                                      "this database was set up without embeddings (embeddings = off)")};
    }
    if (world_.row_embedder) world_.row_embedder->refresh(tx);
    Batch batch;
    batch.texts = store::claim_unembedded(tx, request_.scope, model_, static_cast<int>(most), attempt_.job().id, kHold);
    std::vector<std::string> hashes;
    for (const auto& text : batch.texts) hashes.push_back(text.content_sha256);
    if (!hashes.empty()) batch.known = store::find_cached_embeddings(tx, model_, hashes);
    attempt_.guard_in(tx);  // last, as in keep
    return batch;
}

asio::awaitable<void> MemoryBackfill::embed(Batch batch) {
    std::vector<MemoryText> ready;
    std::vector<MemoryText> asked;
    for (auto& text : batch.texts) {
        if (batch.known.contains(text.content_sha256)) {
            ready.push_back(std::move(text));
        } else if (asking_.contains(text.content_sha256)) {
            later_.push_back(std::move(text));
        } else {
            asked.push_back(std::move(text));
        }
    }
    for (const auto& text : asked) asking_.insert(text.content_sha256);
    if (!ready.empty()) {
        auto write = [&](pg::Transaction& tx) {
            const auto written = write_embeddings(tx, ready, batch.known);
            attempt_.guard_in(tx);
            return written;
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

asio::awaitable<void> MemoryBackfill::embed_later() {
    if (later_.empty()) co_return;
    Batch batch;
    batch.texts = std::exchange(later_, {});
    std::vector<std::string> hashes;
    for (const auto& text : batch.texts) hashes.push_back(text.content_sha256);
    auto look_up = [&](pg::Transaction& tx) { return store::find_cached_embeddings(tx, model_, hashes); };
    batch.known = co_await attempt_.transact(look_up);
    co_await embed(std::move(batch));
}

asio::awaitable<void> MemoryBackfill::embed_call(std::vector<MemoryText> memories) {
    // A text that comes several times is paid for once.
    std::vector<std::string> texts;
    std::map<std::string, std::size_t> position;
    for (const auto& memory : memories) {
        if (position.emplace(memory.content_sha256, texts.size()).second) texts.push_back(memory.content);
    }
    agent::Charge charge = charge_for(memories, texts);

    // The money is set aside while the calls before are under way, so that no place at the provider waits for that.
    std::optional<clients::Turnstile::Pass> line{co_await pass_through(in_line_)};
    if (batches_.failed()) co_return;
    auto begin = [&](pg::Transaction& tx) {
        return agent::begin_call(tx, attempt_, payer_, charge, agent::AnswerLength::kNone);
    };
    const auto begun = co_await attempt_.transact(begin);
    if (begun.admission.answer != agent::Admit::kGranted) agent::end_without(begun.admission, attempt_);
    std::optional<clients::Turnstile::Pass> place{co_await pass_through(calls_)};
    line.reset();
    bool may_be_billed = false;
    auto abandon = [&](pg::Transaction& tx) { agent::abandon_call(tx, payer_, attempt_, charge, may_be_billed); };
    if (batches_.failed()) {
        co_await attempt_.transact(abandon);
        co_return;
    }
    const auto answer = co_await world_.embedder->embed(std::move(texts), attempt_.deadline());
    // The next are asked about while this answer is written down; after a failure nobody takes the place.
    if (answer) place.reset();
    if (!answer) {
        charge.cost_usd = agent::cost_usd(charge.tokens, begun.price);
        may_be_billed = answer.error().may_be_billed;
        if (answer.error().kind != ModelErrorClass::kCancelled) co_await attempt_.transact(abandon);
        end_attempt(answer.error());
    }
    charge.tokens.input = answer->tokens;
    charge.cost_usd = agent::cost_usd(charge.tokens, begun.price);
    auto write = [&](pg::Transaction& tx) { return keep(tx, memories, position, *answer, charge); };
    counts_ += co_await attempt_.transact(write);
}

/// The guard comes last: it locks the job's row, for which the other batches and the renewal of the lease would wait
/// while vectors are written. What is written commits only where it holds.
MemoryBackfill::Counts MemoryBackfill::keep(pg::Transaction& tx, const std::vector<MemoryText>& memories,
                                            const std::map<std::string, std::size_t>& position,
                                            const clients::Embeddings& answer, const agent::Charge& charge) {
    Counts counts;
    Vectors fresh;
    std::vector<MemoryText> accepted;
    std::set<std::string> seen;
    std::int64_t repeated = 0;
    for (const auto& memory : memories) {
        const auto& item = answer.items.at(position.at(memory.content_sha256));
        if (item.refused()) {
            store::skip_embedding(tx, memory.id, item.refusal);
            ++counts.skipped;
            continue;
        }
        if (!seen.insert(memory.content_sha256).second) ++repeated;
        fresh[memory.content_sha256] = item.vector;
        accepted.push_back(memory);
    }
    const std::int64_t written = write_embeddings(tx, accepted, fresh);
    if (!fresh.empty()) store::cache_embeddings(tx, model_, fresh);
    attempt_.guard_in(tx);
    agent::end_call(tx, payer_, attempt_.job().lease_epoch, charge);
    counts.embedded = written - repeated;
    counts.cached = repeated;
    counts.tokens = answer.tokens;
    counts.calls = 1;
    counts.cost_usd = charge.cost_usd;
    return counts;
}

std::int64_t MemoryBackfill::write_embeddings(pg::Transaction& tx, const std::vector<MemoryText>& memories,
                                              const Vectors& vectors) {
    std::vector<store::NewEmbedding> embeddings;
    for (const auto& memory : memories) {
        embeddings.push_back({memory.id, memory.content_sha256, vectors.at(memory.content_sha256)});
    }
    return static_cast<std::int64_t>(store::store_embeddings(tx, model_, embeddings));
}

/// One usage record a call. Its key is made of the texts, so that a call that is repeated after a crash counts
/// once.
agent::Charge MemoryBackfill::charge_for(const std::vector<MemoryText>& memories,
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

asio::awaitable<void> MemoryBackfill::give_up() {
    auto release = [this](pg::Transaction& tx) {
        store::release_unembedded(tx, attempt_.job().id);
        attempt_.guard_in(tx);
    };
    co_await attempt_.transact(release);
}

std::string MemoryBackfill::conclude(pg::Transaction& tx) {
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

}  // namespace oiab::handlers
