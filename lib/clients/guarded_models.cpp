/// @file  Models behind their circuit and their key's limit.
#include <fmt/format.h>

#include <optional>
#include <utility>

#include "clients/call_queue.hpp"
#include "clients/provider_traffic.hpp"

namespace oiab::clients {
namespace {

/// Told to calls that waited in vain in a long queue. They come back behind the others, but cost nothing meanwhile.
constexpr std::chrono::milliseconds kComeBackToQueue{10'000};

/// A call that had less has not failed because of the provider when its deadline passes.
constexpr std::chrono::seconds kFairTime{60};

core::Deadline patience(const ProviderTraffic& traffic, core::Deadline deadline) {
    const auto now = traffic.clock().now();
    const auto half_left = deadline.reached(now) ? core::SteadyTime::duration::zero() : (deadline.at() - now) / 2;
    return core::Deadline{now + std::min<core::SteadyTime::duration>(half_left, traffic.settings().longest_wait)};
}

/// One call's way through queue and circuit, and what its end means for both. Where it just ends (the call was
/// cancelled, an exception passes), nothing is learned from it and its places are free again.
class Passage {
public:
    Passage(ProviderTraffic& traffic, const TrafficIdentity& identity, std::string_view model, core::Deadline deadline)
        : traffic_{traffic},
          provider_{identity.shown.empty() ? identity.provider : identity.shown},
          circuit_{ProviderTraffic::circuit_name(identity.provider, model)},
          queue_{traffic.queue_of(identity.key_id)},
          deadline_{deadline},
          patience_{patience(traffic, deadline)} {}
    Passage(const Passage&) = delete;
    Passage& operator=(const Passage&) = delete;
    ~Passage() {
        if (ticket_) traffic_.abandoned(circuit_, *ticket_);
    }

    /// @returns why the call may not be made, or nullopt where it may.
    asio::awaitable<std::optional<ModelError>> enter() {
        // Nobody needs to queue before a closed door.
        if (const auto wait = traffic_.circuit_refusal(circuit_)) co_return circuit_is_open(*wait);
        const auto place = refusal_ ? CallQueue::Place::kFirst : CallQueue::Place::kLast;
        auto permit = co_await queue_->enter(patience_, place);
        if (!permit) co_return told(permit.error());
        permit_.emplace(std::move(*permit));
        const auto ticket = traffic_.admit(circuit_);
        if (!ticket) {
            permit_.reset();
            co_return circuit_is_open(ticket.error());
        }
        ticket_ = *ticket;
        had_fair_time_ = !deadline_.reached(traffic_.clock().now() + kFairTime);
        co_return std::nullopt;
    }

    /// The answer begins to arrive.
    void answering() {
        if (std::exchange(answering_, true) || !ticket_) return;
        traffic_.answering(circuit_, *ticket_);
    }

    void succeeded() {
        traffic_.succeeded(circuit_, *std::exchange(ticket_, std::nullopt));
        permit_->succeeded();
        permit_.reset();
    }

    /// @returns whether the call is to enter once more: refused for its rate, so that nothing has happened yet.
    bool failed(const ModelError& error) {
        const auto ticket = *std::exchange(ticket_, std::nullopt);
        if (error.rate_limited) {
            // Whoever refuses politely is in order; the key is what has to wait.
            traffic_.answering(circuit_, ticket);
            traffic_.abandoned(circuit_, ticket);
            permit_->refused(error.retry_after);
        } else if (error.kind == ModelErrorClass::kRetryable ||
                   (error.kind == ModelErrorClass::kDeadline && had_fair_time_)) {
            traffic_.failed(circuit_, ticket, error.retry_after);
            if (error.retry_after) permit_->pause_key(*error.retry_after);
        } else if (error.status > 0) {
            traffic_.succeeded(circuit_, ticket);
        } else {
            traffic_.abandoned(circuit_, ticket);
        }
        permit_.reset();
        const bool nothing_happened = error.rate_limited && !answering_ && !error.may_be_billed;
        if (!nothing_happened || requeues_ >= traffic_.settings().requeues) return false;
        ++requeues_;
        refusal_ = error;
        return true;
    }

private:
    [[nodiscard]] ModelError circuit_is_open(std::chrono::milliseconds wait) const {
        if (refusal_) return *refusal_;
        return {ModelErrorClass::kUnavailable,
                fmt::format("the provider {} keeps failing and is left alone for {} s", provider_, in_seconds(wait)),
                wait};
    }

    [[nodiscard]] ModelError told(const CallQueue::NotNow& why) const {
        if (why.why == CallQueue::NotNow::Why::kCancelled) {
            return {ModelErrorClass::kCancelled, "cancelled while waiting for its turn at the provider", {}};
        }
        // A call that has met the limit itself tells what the provider said.
        if (refusal_) return *refusal_;
        if (why.why == CallQueue::NotNow::Why::kPaused) {
            const auto wait = traffic_.spread(why.come_back_after);
            return {ModelErrorClass::kUnavailable,
                    fmt::format("the provider {} asked to be left alone for {} s", provider_, in_seconds(wait)), wait};
        }
        if (deadline_.reached(traffic_.clock().now())) {
            return {ModelErrorClass::kDeadline, "the deadline passed before the provider was asked", {}};
        }
        return {ModelErrorClass::kUnavailable, fmt::format("too many calls wait for the provider {}", provider_),
                traffic_.spread(kComeBackToQueue)};
    }

    static std::int64_t in_seconds(std::chrono::milliseconds wait) {
        return std::chrono::ceil<std::chrono::seconds>(wait).count();
    }

    ProviderTraffic& traffic_;
    std::string provider_;
    std::string circuit_;
    std::shared_ptr<CallQueue> queue_;
    core::Deadline deadline_;
    core::Deadline patience_;
    std::optional<CallQueue::Permit> permit_;
    std::optional<Circuit::Ticket> ticket_;
    std::optional<ModelError> refusal_;  ///< what the provider said when it was asked too often
    bool answering_ = false;
    bool had_fair_time_ = false;
    int requeues_ = 0;
};

class GuardedChat final : public ChatModel {
public:
    GuardedChat(std::shared_ptr<ChatModel> model, std::shared_ptr<ProviderTraffic> traffic, TrafficIdentity identity)
        : model_{std::move(model)}, traffic_{std::move(traffic)}, identity_{std::move(identity)} {}

    asio::awaitable<std::expected<ChatAnswer, ModelError>> complete(ChatRequest request, OnDelta on_delta) override {
        Passage passage{*traffic_, identity_, request.model, request.deadline};
        const OnDelta noticed = [&](std::string_view text) {
            passage.answering();
            if (on_delta) on_delta(text);
        };
        for (;;) {
            if (auto refusal = co_await passage.enter()) co_return std::unexpected{std::move(*refusal)};
            auto answer = co_await model_->complete(request, noticed);
            if (answer) {
                passage.succeeded();
                co_return answer;
            }
            if (!passage.failed(answer.error())) co_return answer;
        }
    }

    std::string_view runtime() const noexcept override { return model_->runtime(); }

private:
    std::shared_ptr<ChatModel> model_;
    std::shared_ptr<ProviderTraffic> traffic_;
    TrafficIdentity identity_;
};

class GuardedEmbedder final : public Embedder {
public:
    GuardedEmbedder(std::shared_ptr<Embedder> embedder, std::shared_ptr<ProviderTraffic> traffic,
                    TrafficIdentity identity)
        : embedder_{std::move(embedder)}, traffic_{std::move(traffic)}, identity_{std::move(identity)} {}

    asio::awaitable<std::expected<Embeddings, ModelError>> embed(std::vector<std::string> texts,
                                                                 core::Deadline deadline) override {
        Passage passage{*traffic_, identity_, embedder_->model(), deadline};
        for (;;) {
            if (auto refusal = co_await passage.enter()) co_return std::unexpected{std::move(*refusal)};
            auto answer = co_await embedder_->embed(texts, deadline);
            if (answer) {
                passage.succeeded();
                co_return answer;
            }
            if (!passage.failed(answer.error())) co_return answer;
        }
    }

    std::string_view model() const noexcept override { return embedder_->model(); }

private:
    std::shared_ptr<Embedder> embedder_;
    std::shared_ptr<ProviderTraffic> traffic_;
    TrafficIdentity identity_;
};

}  // namespace

std::shared_ptr<ChatModel> make_guarded(std::shared_ptr<ChatModel> model, std::shared_ptr<ProviderTraffic> traffic,
                                        TrafficIdentity identity) {
    return std::make_shared<GuardedChat>(std::move(model), std::move(traffic), std::move(identity));
}

std::shared_ptr<Embedder> make_guarded(std::shared_ptr<Embedder> embedder, std::shared_ptr<ProviderTraffic> traffic,
                                       TrafficIdentity identity) {
    return std::make_shared<GuardedEmbedder>(std::move(embedder), std::move(traffic), std::move(identity));
}

}  // namespace oiab::clients
