#include "handlers/memory_backfill.hpp"

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/system_error.hpp>
#include <iterator>
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

/// An attempt that got something done before the provider failed is not one that failed: a backfill of hours meets more
/// such failures than a job has attempts. What is left of it goes on when the provider may have recovered.
void rest_for_a_while(const std::exception_ptr& failure, Attempt& attempt) {
    try {
        std::rethrow_exception(failure);
    } catch (const EndAttempt& end) {
        const auto* retry = std::get_if<core::Retry>(&end.outcome());
        if (retry == nullptr) return;
        attempt.log(LogLevel::kWarning, "goes on later: " + retry->error);
        throw EndAttempt{core::snoozed(retry->at_least.value_or(kUnknownWait))};
    } catch (...) {  // thrown on by the caller
    }
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
    const auto executor = co_await asio::this_coro::executor;
    answered_.emplace(executor, asio::steady_timer::time_point::max());
    // Half of what the attempt has at most: the calls that are under way then have the other half.
    claim_until_ =
        core::Deadline::after(request_.time).or_earlier(core::Deadline::after(attempt_.deadline().left() / 2));
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
        Batch rest = co_await look_up(std::exchange(later_, {}));
        co_await embed(divide(std::move(rest), {}));
    } catch (...) {  // whatever it is, it is thrown on below: nothing can be awaited here
        failure = std::current_exception();
    }
    if (failure) {
        co_await give_up();
        if (counts_.calls > 0) rest_for_a_while(failure, attempt_);
        std::rethrow_exception(failure);
    }
    std::function<std::string(pg::Transaction&)> finish = [this](pg::Transaction& tx) { return conclude(tx); };
    co_return co_await attempt_.complete_in(std::move(finish));
}

/// @returns false where nothing is left to claim
asio::awaitable<bool> MemoryBackfill::embed_next() {
    std::optional<Work> work = co_await find_work();
    if (!work) co_return false;
    co_await embed(std::move(*work));
    json progress = counts_.to_json();
    (void)co_await attempt_.progress(std::move(progress));
    co_return true;
}

/// What the next batch has to do: of texts that have been answered meanwhile, or newly claimed.
/// @returns nullopt where nothing is left to claim
asio::awaitable<std::optional<MemoryBackfill::Work>> MemoryBackfill::find_work() {
    // One at a time: claims at once pass each other's rows over, and would go away with half a batch or none.
    const auto claiming = co_await pass_through(claiming_);
    while (std::ssize(later_) >= request_.batch_size && !batches_.failed()) {
        auto answered = take_answered();
        if (!answered.empty()) {
            Batch again = co_await look_up(std::move(answered));
            co_return divide(std::move(again), asking_);
        }
        (void)co_await answered_->async_wait(asio::as_tuple(asio::use_awaitable));
    }
    const std::int64_t most = std::min(left_, request_.batch_size);
    if (most <= 0 || batches_.failed() || (claimed_ && claim_until_.reached())) co_return std::nullopt;
    asked_.clear();  // what was written down until now, the look-up below finds
    auto claim = [&](pg::Transaction& tx) { return claim_batch(tx, most); };
    Batch batch = co_await attempt_.transact(claim);
    if (batch.texts.empty()) co_return std::nullopt;
    claimed_ = true;
    left_ -= static_cast<std::int64_t>(batch.texts.size());
    std::set<std::string> not_yet_known = asking_;
    not_yet_known.insert(asked_.begin(), asked_.end());
    co_return divide(std::move(batch), not_yet_known);
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

asio::awaitable<MemoryBackfill::Batch> MemoryBackfill::look_up(std::vector<MemoryText> texts) {
    Batch batch;
    batch.texts = std::move(texts);
    if (batch.texts.empty()) co_return batch;
    std::vector<std::string> hashes;
    for (const auto& text : batch.texts) hashes.push_back(text.content_sha256);
    auto find = [&](pg::Transaction& tx) { return store::find_cached_embeddings(tx, model_, hashes); };
    batch.known = co_await attempt_.transact(find);
    co_return batch;
}

/// Of the texts that wait for another batch, those whose batch has ended.
std::vector<MemoryText> MemoryBackfill::take_answered() {
    const auto waits = [this](const MemoryText& text) { return asking_.contains(text.content_sha256); };
    const auto answered = std::stable_partition(later_.begin(), later_.end(), waits);
    std::vector<MemoryText> taken{std::move_iterator{answered}, std::move_iterator{later_.end()}};
    later_.erase(answered, later_.end());
    return taken;
}

MemoryBackfill::Work MemoryBackfill::divide(Batch batch, const std::set<std::string>& not_yet_known) {
    Work work;
    for (auto& text : batch.texts) {
        if (batch.known.contains(text.content_sha256)) {
            work.ready.push_back(std::move(text));
        } else if (not_yet_known.contains(text.content_sha256)) {
            later_.push_back(std::move(text));
        } else {
            work.asked.push_back(std::move(text));
        }
    }
    work.known = std::move(batch.known);
    for (const auto& text : work.asked) asking_.insert(text.content_sha256);
    return work;
}

/// While a batch asks about its texts, which divide has entered in the list.
class MemoryBackfill::Asking {
public:
    Asking(MemoryBackfill& backfill, const std::vector<MemoryText>& texts) : backfill_{backfill} {
        for (const auto& text : texts) hashes_.push_back(text.content_sha256);
    }
    Asking(const Asking&) = delete;
    Asking& operator=(const Asking&) = delete;
    ~Asking() {
        for (const auto& hash : hashes_) backfill_.asked_.insert(backfill_.asking_.extract(hash));
        backfill_.answered_->cancel();
    }

private:
    MemoryBackfill& backfill_;
    std::vector<std::string> hashes_;
};

asio::awaitable<void> MemoryBackfill::embed(Work work) {
    const Asking asking{*this, work.asked};
    if (!work.ready.empty()) {
        auto write = [&](pg::Transaction& tx) {
            const auto written = write_embeddings(tx, work.ready, work.known);
            attempt_.guard_in(tx);
            return written;
        };
        counts_.cached += co_await attempt_.transact(write);
    }
    for (std::size_t begin = 0; begin < work.asked.size();) {
        const std::size_t end = end_of_call(work.asked, begin);
        co_await embed_call({work.asked.begin() + static_cast<std::ptrdiff_t>(begin),
                             work.asked.begin() + static_cast<std::ptrdiff_t>(end)});
        begin = end;
    }
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
        next.max_attempts = attempt_.job().max_attempts;
        next.timeout = attempt_.job().timeout;
        attempt_.enqueue_in(tx, next);
    }
    json result = counts_.to_json();
    result["model"] = model_;
    result["successor"] = more;
    return result.dump();
}

}  // namespace oiab::handlers
