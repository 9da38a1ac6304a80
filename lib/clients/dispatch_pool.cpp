#include "clients/dispatch_pool.hpp"

#include <algorithm>
#include <boost/asio/error.hpp>
#include <boost/system/system_error.hpp>
#include <nlohmann/json.hpp>

#include "clients/provider.hpp"
#include "clients/retry_after.hpp"
#include "clients/utf8.hpp"

namespace oiab::clients {
namespace {

using nlohmann::json;

/// What a member found out goes into a prompt; more than this is no answer.
constexpr std::size_t kMaxAnswer = 4U << 20U;
constexpr std::size_t kMaxReason = 500;
/// How often a pool that works on it is asked, where it does not say.
constexpr std::chrono::seconds kAskAgain{5};
constexpr std::chrono::seconds kAskAgainAtLeast{1};

/// The error as the pool words it: a text, or an object with a message.
std::string reason_in(const json& answer) {
    if (!answer.is_object()) return {};
    auto reason = text_member(answer, "error");
    if (const auto error = answer.find("error"); reason.empty() && error != answer.end() && error->is_object())
        reason = text_member(*error, "message");
    return shortened(reason, kMaxReason);
}

std::string with_reason(std::string sentence, const std::string& reason) {
    return reason.empty() ? sentence : std::move(sentence) + ": " + reason;
}

}  // namespace

PoolAnswer read_pool_answer(int status, std::string_view body, std::optional<std::chrono::milliseconds> retry_after) {
    if (status == 202)
        return PoolPending{std::max<std::chrono::milliseconds>(retry_after.value_or(kAskAgain), kAskAgainAtLeast)};
    const json answer = parse_provider_json(body);
    const std::string reason = reason_in(answer);
    const std::string said = "the sandbox pool answered " + std::to_string(status);
    if (status == 408 || status == 409 || status == 425 || status == 429 || status >= 500)
        return PoolTrouble{with_reason(said, reason), retry_after};
    if (status < 200 || status >= 300) return PoolRefusal{with_reason(said, reason)};
    if (answer.is_object() && answer.contains("error") && !answer["error"].is_null())
        return PoolRefusal{with_reason("the sandbox pool's agent failed", reason)};
    if (answer.is_object() && answer.contains("result") && answer["result"].is_string())
        return PoolResult{text_member(answer, "result")};
    return PoolTrouble{said + " with neither a result nor an error", std::nullopt};
}

asio::awaitable<PoolAnswer> DispatchPool::ask(std::string body, std::string key, core::Deadline deadline) {
    HttpRequest request;
    request.method = "POST";
    request.url = settings_.url;
    request.body = std::move(body);
    request.headers = {{"Content-Type", "application/json"}, {"Idempotency-Key", std::move(key)}};
    if (!settings_.token.empty()) request.headers.emplace_back("Authorization", "Bearer " + settings_.token);
    request.deadline = deadline;
    request.max_response_bytes = kMaxAnswer;
    request.idempotent = true;
    const auto response = co_await http_.send(std::move(request));
    if (!response) {
        const auto& error = response.error();
        if (error.kind == CallFailure::kCancelled) throw boost::system::system_error{asio::error::operation_aborted};
        // A request that cannot even be made is a mistake in the configuration, which repeating does not mend.
        if (error.kind == CallFailure::kProtocol && error.repeat == Repeat::kSafe) co_return PoolRefusal{error.message};
        co_return PoolTrouble{error.message, std::nullopt};
    }
    co_return read_pool_answer(response->status(), response->body, find_retry_after(response->head, clock_.wall_now()));
}

}  // namespace oiab::clients
