#pragma once
/// @file  One attempt's work on a backfill: claims memories in batches, has them embedded, writes them down. Private to
/// the handler of embed-memories. The attempt's executor alone.
///
/// A batch goes through four stages: claimed (and looked up among what was paid for before), in line, at the provider,
/// written down. kBatchesAtOnce of them are somewhere on that way, but only kCallsAtOnce at the provider; the others
/// are what keeps these places taken while answers are written and texts are claimed. That bounds the memory, too,
/// whatever the limit: of texts that come again while they are asked about, a batch or two wait.
///
/// It goes on until nothing is left, its limit is reached, or its time is over; its successor does the rest.

#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <cstdint>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "agent/ledger.hpp"
#include "agent/world.hpp"
#include "clients/turnstile.hpp"
#include "handlers/abreast.hpp"
#include "oiab/attempt.hpp"
#include "store/embeddings.hpp"

namespace oiab::handlers {

struct BackfillRequest {
    store::EmbeddingScope scope;
    std::int64_t limit = 1'000'000;
    std::int64_t batch_size = 96;
    std::chrono::seconds time{60};  ///< after which nothing more is claimed; one batch always is
};

class MemoryBackfill {
public:
    static constexpr std::size_t kCallsAtOnce = 4;
    static constexpr std::size_t kBatchesAtOnce = 8;

    /// @param attempt, world  outlive this object; the world has an embedder
    MemoryBackfill(Attempt& attempt, const agent::AgentWorld& world, BackfillRequest request);

    /// @throws what ends the attempt
    boost::asio::awaitable<core::Outcome> run();

private:
    using Vectors = std::map<std::string, std::vector<float>>;
    struct Batch {
        std::vector<store::MemoryText> texts;
        Vectors known;  ///< of those that were embedded before, by hash
    };
    struct Work {
        std::vector<store::MemoryText> ready;
        Vectors known;  ///< of those that are ready, and perhaps more
        std::vector<store::MemoryText> asked;
    };
    class Asking;
    struct Counts {
        std::int64_t embedded = 0;
        std::int64_t cached = 0;
        std::int64_t skipped = 0;
        std::int64_t tokens = 0;
        std::int64_t calls = 0;
        double cost_usd = 0;

        void operator+=(const Counts& more);
        [[nodiscard]] nlohmann::json to_json() const;
    };

    boost::asio::awaitable<bool> embed_next();
    boost::asio::awaitable<std::optional<Work>> find_work();
    [[nodiscard]] Batch claim_batch(pg::Transaction& tx, std::int64_t most);
    boost::asio::awaitable<Batch> look_up(std::vector<store::MemoryText> texts);
    [[nodiscard]] std::vector<store::MemoryText> take_answered();
    [[nodiscard]] Work divide(Batch batch, const std::set<std::string>& not_yet_known);
    boost::asio::awaitable<void> embed(Work work);
    boost::asio::awaitable<void> embed_call(std::vector<store::MemoryText> memories);
    [[nodiscard]] agent::Charge charge_for(const std::vector<store::MemoryText>& memories,
                                           const std::vector<std::string>& texts) const;
    [[nodiscard]] Counts keep(pg::Transaction& tx, const std::vector<store::MemoryText>& memories,
                              const std::map<std::string, std::size_t>& position, const clients::Embeddings& answer,
                              const agent::Charge& charge);
    std::int64_t write_embeddings(pg::Transaction& tx, const std::vector<store::MemoryText>& memories,
                                  const Vectors& vectors);
    boost::asio::awaitable<void> give_up();
    [[nodiscard]] std::string conclude(pg::Transaction& tx);

    Attempt& attempt_;
    const agent::AgentWorld& world_;
    const BackfillRequest request_;
    const std::string model_;
    agent::Payer payer_;
    Counts counts_;                       ///< of what is committed
    std::int64_t left_ = request_.limit;  ///< of what this job may still claim
    core::Deadline claim_until_ = core::Deadline::never();
    bool claimed_ = false;
    std::set<std::string> asking_;  ///< texts that a batch of this job is asking about, by hash
    std::set<std::string> asked_;   ///< those of batches that have ended since the last claim began: it may know or not
    std::vector<store::MemoryText> later_;  ///< of texts that another batch asks about: the cache will have them
    std::optional<boost::asio::steady_timer> answered_;  ///< never expires; cancelled when a batch has ended
    Abreast batches_{kBatchesAtOnce};
    clients::Turnstile claiming_{1};
    clients::Turnstile in_line_{
        1};  ///< of the calls that wait for a place at the provider, one has its money set aside
    clients::Turnstile calls_{kCallsAtOnce};
};

}  // namespace oiab::handlers
