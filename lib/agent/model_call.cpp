#include "agent/model_call.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/error.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/system/system_error.hpp>
#include <nlohmann/json.hpp>
#include <variant>

#include "agent/answer_stream.hpp"
#include "agent/beside_stream.hpp"
#include "agent/history.hpp"
#include "agent/provider_call.hpp"
#include "agent/tokens.hpp"
#include "agent/trajectory.hpp"

namespace oiab::agent {
namespace {

namespace asio = boost::asio;
using clients::ChatAnswer;
using clients::ChatMessage;
using clients::ModelError;
using clients::ModelErrorClass;
using nlohmann::json;

/// Where a provider is out of order and nobody knows for how long.
constexpr std::chrono::seconds kUnknownWait{30};

/// One call of call_model's step body: everything that is asked of the provider and written about it.
class Calling {
public:
    /// @param attempt, world  outlive it; whoever runs it keeps `person`
    Calling(Attempt& attempt, const AgentWorld& world, const Person& person, ModelCall call)
        : attempt_{attempt},
          world_{world},
          person_{person},
          payer_{payer_of(person)},
          epoch_{attempt.job().lease_epoch},
          call_{std::move(call)},
          stream_{attempt, call_.session_id, call_.stream_position, world.settings.stream_interval},
          dropped_{std::max(call_.dropped, fitting_drop())} {}

    /// Sets aside what the call can cost, with the record that it is about to be made: what is set aside without a call
    /// counts as lost when a worker dies. Lane threads only.
    void prepare(pg::Transaction& tx, const StepCall& step) {
        charge_ = Charge{};
        charge_.request_id = step.idempotency_key;
        charge_.job_id = attempt_.job().id;
        charge_.session_id = call_.session_id;
        charge_.purpose = call_.purpose;
        charge_.model = call_.model;
        charge_.tokens.input = prompt_tokens();
        begun_ = begin_call(tx, attempt_, payer_, charge_, AnswerLength::kOpen);
        if (call_.streamed) stream_.begin(tx);
    }

    asio::awaitable<json> run(StepCall step) {
        step_ = std::move(step);
        // Not in prepare: what that wrote about calls of earlier attempts is to stay.
        if (begun_.admission.answer != Admit::kGranted) end_without(begun_.admission, attempt_);
        if (begun_.admission.shortened) {
            attempt_.log(LogLevel::kInfo, fmt::format("the budget affords an answer of {} tokens at most",
                                                      *begun_.admission.max_output_tokens));
        }
        std::exception_ptr unusable;
        try {
            model_ = co_await chat_for(attempt_, world_, person_, call_.model);
        } catch (...) {  // whatever it is: it is thrown on as soon as the money is free again
            unusable = std::current_exception();
        }
        if (unusable) {
            co_await release();
            std::rethrow_exception(unusable);
        }
        const auto started = std::chrono::steady_clock::now();
        auto answer = co_await ask();
        if (!answer && answer.error().kind == ModelErrorClass::kContextLength && drop_half()) {
            attempt_.log(LogLevel::kInfo, fmt::format("the conversation is too long for the model; sent again without "
                                                      "its {} oldest exchanges",
                                                      dropped_));
            answer = co_await ask();
        }
        charge_.duration =
            std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - started);
        if (!answer) {
            co_await abandon(answer.error());
            end_attempt(answer.error());
        }
        co_return describe(*answer);
    }

    /// Charges the call and ends its stream, in the transaction that records its answer: the handler may be gone by
    /// then, and its attempt with it.
    void keep(pg::Transaction& tx) const {
        end_call(tx, payer_, epoch_, charge_);
        if (call_.streamed) stream_.rest().write(tx);
    }

private:
    /// No call is made: nothing was billed.
    asio::awaitable<void> release() {
        auto body = [this](pg::Transaction& tx) { abandon_call(tx, payer_, attempt_, charge_, false); };
        co_await attempt_.transact(body);
    }

    /// A call that brought no answer. Nothing is awaited once the attempt is cancelled: whoever comes next finds the
    /// reservation.
    asio::awaitable<void> abandon(const ModelError& error) {
        if (error.kind == ModelErrorClass::kCancelled) co_return;
        Charge lost = charge_;
        lost.tokens.output = received_bytes_ / 4;
        lost.cost_usd = cost_usd(lost.tokens, begun_.price);
        const bool may_be_billed = error.may_be_billed || received_bytes_ > 0;
        auto body = [&](pg::Transaction& tx) { abandon_call(tx, payer_, attempt_, lost, may_be_billed); };
        co_await attempt_.transact(body);
    }

    asio::awaitable<std::expected<ChatAnswer, ModelError>> ask() {
        using namespace boost::asio::experimental::awaitable_operators;
        clients::ChatRequest request;
        request.model = call_.model.model;
        request.messages = messages();
        request.tools = call_.tools;
        request.deadline = attempt_.deadline();
        request.idempotency_key = step_.idempotency_key;
        if (begun_.admission.max_output_tokens)
            request.max_output_tokens = static_cast<int>(*begun_.admission.max_output_tokens);
        clients::OnDelta on_delta = [this](std::string_view delta) {
            received_bytes_ += static_cast<std::int64_t>(delta.size());
            if (call_.streamed) stream_.add(delta);
            else attempt_.heartbeat();
        };
        // The writer of the stream ends by being cancelled, or early where it may write no more; the answer decides.
        auto ended =
            co_await (failure_of(complete(std::move(request), std::move(on_delta))) || write_until_cancelled(stream_));
        if (ended.index() != 0) throw LeaseLost{};
        if (const auto failure = std::get<0>(ended)) std::rethrow_exception(failure);
        co_return std::move(answer_);
    }

    asio::awaitable<void> complete(clients::ChatRequest request, clients::OnDelta on_delta) {
        answer_ = co_await model_->complete(std::move(request), std::move(on_delta));
    }

    json describe(const ChatAnswer& answer) {
        count_tokens(answer);
        charge_.cost_usd = cost_usd(charge_.tokens, begun_.price);
        json calls = json::array();
        for (const auto& call : answer.tool_calls) {
            calls.push_back({{"id", call.id}, {"name", call.name}, {"arguments", call.arguments}});
        }
        json parts;
        if (answer.parts) parts = {{"protocol", answer.parts->protocol}, {"content", answer.parts->content}};
        return json{{"content", answer.content},
                    {"toolCalls", std::move(calls)},
                    {"parts", std::move(parts)},
                    {"finishReason", answer.finish_reason},
                    {"model", answer.model},
                    {"inputTokens", charge_.tokens.input},
                    {"outputTokens", charge_.tokens.output},
                    {"cacheReadTokens", charge_.tokens.cache_read},
                    {"cacheWriteTokens", charge_.tokens.cache_write},
                    {"reasoningTokens", charge_.tokens.reasoning},
                    {"costUsd", charge_.cost_usd},
                    {"dropped", dropped_}};
    }

    void count_tokens(const ChatAnswer& answer) {
        if (answer.usage) {
            // The provider's input count has the cached ones in it; the records tell them apart.
            const auto cached = std::min(answer.usage->cached_input_tokens, answer.usage->input_tokens);
            const auto written = std::min(answer.usage->cache_write_tokens, answer.usage->input_tokens - cached);
            charge_.tokens = {answer.usage->input_tokens - cached - written, answer.usage->output_tokens, cached,
                              written, answer.usage->reasoning_tokens};
            return;
        }
        ChatMessage message;
        message.content = answer.content;
        message.tool_calls = answer.tool_calls;
        charge_.tokens = {prompt_tokens(), estimate_tokens(message)};
        charge_.uncertain = true;
    }

    [[noreturn]] static void end_attempt(const ModelError& error) {
        switch (error.kind) {
            case ModelErrorClass::kPermanent:
            case ModelErrorClass::kContextLength:
                throw EndAttempt{core::failed(core::FailureReason::kError, "the model refused: " + error.message)};
            case ModelErrorClass::kDeadline:
                throw EndAttempt{core::retry_not_before("the model did not answer in time: " + error.message,
                                                        error.retry_after, core::FailureReason::kTimeout)};
            case ModelErrorClass::kCancelled: throw boost::system::system_error{asio::error::operation_aborted};
            // Nothing was asked of the provider, so no attempt is burnt.
            case ModelErrorClass::kUnavailable:
                throw EndAttempt{core::snoozed(error.retry_after.value_or(kUnknownWait))};
            case ModelErrorClass::kRetryable: break;
        }
        throw EndAttempt{core::retry_not_before("the model call failed: " + error.message, error.retry_after)};
    }

    [[nodiscard]] std::int64_t fixed_tokens() const {
        std::int64_t tokens = estimate_tokens(call_.system_prompt) + estimate_tokens(call_.turn);
        for (const auto& tool : call_.tools) {
            tokens += estimate_tokens(tool.name) + estimate_tokens(tool.description) + estimate_tokens(tool.parameters);
        }
        return tokens;
    }
    [[nodiscard]] std::size_t fitting_drop() const {
        return exchanges_to_drop(call_.history, world_.settings.context_tokens - fixed_tokens());
    }
    [[nodiscard]] std::int64_t prompt_tokens() const {
        return fixed_tokens() + estimate_tokens(without_oldest(call_.history, dropped_));
    }
    /// @returns false where there is nothing left to drop.
    bool drop_half() {
        const std::size_t left = count_exchanges(call_.history) - std::min(count_exchanges(call_.history), dropped_);
        if (left == 0) return false;
        dropped_ += (left + 1) / 2;
        return true;
    }

    [[nodiscard]] std::vector<ChatMessage> messages() const {
        std::vector<ChatMessage> list;
        ChatMessage system;
        system.role = clients::Role::kSystem;
        system.content = call_.system_prompt;
        list.push_back(std::move(system));
        const auto rest = without_oldest(call_.history, dropped_);
        list.insert(list.end(), rest.begin(), rest.end());
        list.insert(list.end(), call_.turn.begin(), call_.turn.end());
        return list;
    }

    Attempt& attempt_;
    const AgentWorld& world_;
    const Person& person_;
    const Payer payer_;
    const core::LeaseEpoch epoch_;
    const ModelCall call_;
    StepCall step_;
    AnswerStream stream_;
    std::shared_ptr<clients::ChatModel> model_;
    std::size_t dropped_;
    BegunCall begun_;
    Charge charge_;
    std::int64_t received_bytes_ = 0;
    std::expected<ChatAnswer, ModelError> answer_;  ///< to what was asked last
};

/// Identifies the question, whatever attempt asks it. The model is left out: an answer that one gave stays the answer
/// when configuration or a provider row names another one before the next attempt.
json identify(const ModelCall& call) {
    json turn = json::array();
    for (const auto& message : call.turn) {
        json item{{"role", clients::to_string(message.role)}, {"content", message.content}};
        for (const auto& tool : message.tool_calls) item["calls"].push_back({tool.id, tool.name, tool.arguments});
        if (!message.tool_call_id.empty()) item["answers"] = message.tool_call_id;
        turn.push_back(std::move(item));
    }
    const std::string text = turn.dump(-1, ' ', false, json::error_handler_t::replace);
    return {{"session", call.session_id}, {"through", call.history_through}, {"turn", sha256_hex(text)}};
}

ModelReply read_reply(const json& stored) {
    ModelReply reply;
    reply.content = stored.at("content").get<std::string>();
    for (const auto& call : stored.at("toolCalls")) {
        reply.tool_calls.push_back({call.at("id").get<std::string>(), call.at("name").get<std::string>(),
                                    call.at("arguments").get<std::string>()});
    }
    // Steps that were recorded by an earlier version have no parts.
    if (const auto parts = stored.find("parts"); parts != stored.end() && parts->is_object()) {
        reply.parts = {parts->at("protocol").get<std::string>(), parts->at("content").get<std::string>()};
    }
    reply.finish_reason = stored.at("finishReason").get<std::string>();
    reply.model = stored.at("model").get<std::string>();
    reply.tokens = {stored.at("inputTokens").get<std::int64_t>(), stored.at("outputTokens").get<std::int64_t>(),
                    stored.at("cacheReadTokens").get<std::int64_t>(), stored.value("cacheWriteTokens", std::int64_t{0}),
                    stored.value("reasoningTokens", std::int64_t{0})};
    reply.cost_usd = stored.at("costUsd").get<double>();
    reply.dropped = stored.at("dropped").get<std::size_t>();
    return reply;
}

}  // namespace

asio::awaitable<ModelReply> call_model(Attempt& attempt, const AgentWorld& world, const Person& person,
                                       ModelCall call) {
    json input = identify(call);
    std::string name = call.step;
    // Its record may be written after this coroutine has ended, with the next one of the attempt.
    const auto calling = std::make_shared<Calling>(attempt, world, person, std::move(call));
    Attempt::StepBody body = [calling](StepCall step) { return calling->run(std::move(step)); };
    StepOptions options;
    options.repeatable = true;
    options.settle_with_next = true;
    options.prepare = [calling](pg::Transaction& tx, const StepCall& step) { calling->prepare(tx, step); };
    options.keep = [calling](pg::Transaction& tx) { calling->keep(tx); };
    const json stored = co_await attempt.step(std::move(name), std::move(input), std::move(body), std::move(options));
    co_return read_reply(stored);
}

}  // namespace oiab::agent
