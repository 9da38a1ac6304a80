#pragma once
/// @file  What calls to OpenAI-compatible providers share: address, credentials, and how failures are told apart.
/// Values and free functions; any thread.

#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <cstdint>
#include <expected>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include "clients/call_error.hpp"
#include "clients/http_client.hpp"
#include "clients/model_error.hpp"
#include "core/clock.hpp"

namespace oiab::clients {

/// Ten times what the largest models take. A provider that tells of more is wrong, and neither the usage records nor
/// anybody's budget shall pay for that.
inline constexpr std::int64_t kMaxCallTokens = 10'000'000;

enum class ProviderAuth {
    kByProtocol,  ///< what the protocol's own provider wants; kBearer where no protocol is known
    kBearer,      ///< Authorization: Bearer; also an Entra token
    kApiKey,      ///< api-key, as Azure wants it
    kXApiKey,     ///< x-api-key, as Anthropic wants it
};

struct ProviderSettings {
    std::string base_url;  ///< such as "https://api.openai.com/v1"; a query of its own (api-version=…) is kept
    std::string api_key;   ///< empty: no credentials are sent (local servers)
    ProviderAuth auth = ProviderAuth::kByProtocol;
    HttpHeaders headers;       ///< sent besides
    std::string unix_socket;   ///< for a local server; empty for TCP
    bool only_public = false;  ///< the address is not the operator's: see HttpRequest
    std::chrono::milliseconds connect_timeout{10'000};
    std::chrono::seconds stall_timeout{0};  ///< longest silence while an answer is awaited; zero for none
    std::size_t max_response_bytes = 64U << 20U;
};

/// A POST of JSON to a path below the base URL ("/chat/completions").
[[nodiscard]] HttpRequest make_provider_request(const ProviderSettings& settings, std::string_view path,
                                                std::string body, core::Deadline deadline);

/// Reads the answer to its end. The status of a refusal counts also where its body breaks off: it tells more than the
/// connection does. A success without its whole body is none, and a cancellation stays one.
[[nodiscard]] boost::asio::awaitable<std::expected<HttpResponse, CallError>> collect_answer(HttpStream stream);

/// What a provider's refusal means. 400/401/402/403/404/413/422 and a 429 for want of quota are permanent, 408/409/429
/// and 5xx (529 among them) retryable, and a conversation that is too long is a class of its own, in each dialect's
/// words. `retry_after` is read of headers, and of the message where those are silent.
[[nodiscard]] ModelError model_error_of(const ProviderSettings& settings, const HttpHead& head, std::string_view body,
                                        core::WallTime now);
/// What a call without an answer means. A cancelled one is kCancelled, one past its deadline kDeadline, a request that
/// could not be made at all kPermanent, everything else retryable.
[[nodiscard]] ModelError model_error_of(const CallError& error, core::Deadline deadline);
/// What an error object inside an answer of status 200 means: classified by the status, the code or the type it names.
[[nodiscard]] ModelError model_error_in(const ProviderSettings& settings, const nlohmann::json& error);
/// An answer that is none: not JSON, or without what an answer has.
[[nodiscard]] ModelError garbled_answer(std::string_view what);

/// Parses what a provider sent, repairing malformed UTF-8 and lone surrogates first where they would be refused.
/// @returns a discarded value when it is not JSON, or is nested too deep (core::kMaxJsonDepth).
[[nodiscard]] nlohmann::json parse_provider_json(std::string_view text);

/// The member as a number of tokens: 0 where it is absent, negative or no number, and at most kMaxCallTokens.
[[nodiscard]] std::int64_t token_count(const nlohmann::json& object, const char* name);

/// The string member as valid UTF-8 without NUL; empty when absent or of another type.
[[nodiscard]] std::string text_member(const nlohmann::json& object, const char* name);

}  // namespace oiab::clients
