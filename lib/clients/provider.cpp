#include "clients/provider.hpp"

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>

#include "clients/retry_after.hpp"
#include "clients/utf8.hpp"
#include "core/json_text.hpp"

namespace oiab::clients {
namespace {

constexpr std::size_t kLongestMessage = 500;  // a provider's sentence, not its documentation

struct ErrorDetails {
    std::string message;
    std::string code;
    std::string type;
    int status = 0;
};

/// Providers agree on little: {"error":{"message","type","code"}}, {"error":"…"}, {"message"}, {"detail"}, or a list.
ErrorDetails details_of(const nlohmann::json& body) {
    const nlohmann::json* error = &body;
    if (error->is_array() && !error->empty()) error = &error->front();
    if (error->is_object() && error->contains("error")) error = &error->at("error");
    ErrorDetails details;
    if (error->is_string()) {
        details.message = to_valid_utf8(error->get_ref<const std::string&>());
        return details;
    }
    if (!error->is_object()) return details;
    details.message = text_member(*error, "message");
    if (details.message.empty()) details.message = text_member(*error, "detail");
    details.code = text_member(*error, "code");
    details.type = text_member(*error, "type");
    for (const char* name : {"status", "code"}) {
        const auto found = error->find(name);
        if (found == error->end()) continue;
        if (found->is_number_integer()) details.status = found->get<int>();
        // Azure writes its numbers as text.
        if (const std::string text = text_member(*error, name); text.size() == 3) {
            std::from_chars(text.data(), text.data() + text.size(), details.status);
        }
    }
    return details;
}

std::string lower(std::string text) {
    for (char& c : text) {
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    }
    return text;
}

bool contains_any(std::string_view text, std::initializer_list<std::string_view> needles) {
    for (const std::string_view needle : needles) {
        if (text.find(needle) != std::string_view::npos) return true;
    }
    return false;
}

bool is_any_of(std::string_view text, std::initializer_list<std::string_view> words) {
    return std::find(words.begin(), words.end(), text) != words.end();
}

bool is_context_length(const ErrorDetails& details, int status) {
    if (is_any_of(details.code, {"context_length_exceeded", "model_context_window_exceeded"})) return true;
    if (is_any_of(details.type, {"context_length_exceeded", "exceed_context_size_error"})) return true;
    if (status != 400 && status != 413 && status != 422) return false;
    return contains_any(lower(details.message),
                        {"maximum context length", "context length", "context window", "context limit",
                         "prompt is too long", "too many input tokens", "input is too long", "available context size",
                         "reduce the length of the messages", "exceeds the maximum number of tokens"});
}

/// What no waiting brings back.
bool lacks_quota(const ErrorDetails& details) {
    return details.type == "insufficient_quota" || details.type == "billing_error" ||
           is_any_of(details.code, {"insufficient_quota", "billing_hard_limit_reached", "billing_not_active"});
}

bool is_rate_limit(const ErrorDetails& details) {
    return details.status == 429 || is_any_of(details.type, {"rate_limit_error", "rate_limit_exceeded"}) ||
           is_any_of(details.code, {"rate_limit_error", "rate_limit_exceeded"});
}

/// Of errors inside of a stream, where no status tells. OpenAI and Anthropic use these words for what is the request's
/// own fault; all others ("server_error", "api_error", "overloaded_error") are the provider's.
bool blames_the_request(const ErrorDetails& details) {
    return is_any_of(details.type, {"invalid_request_error", "authentication_error", "permission_error",
                                    "not_found_error", "request_too_large"});
}

ModelErrorClass class_of(int status, const ErrorDetails& details) {
    if (is_context_length(details, status)) return ModelErrorClass::kContextLength;
    if (lacks_quota(details)) return ModelErrorClass::kPermanent;
    if (status == 408 || status == 409 || status == 429 || status >= 500) return ModelErrorClass::kRetryable;
    return ModelErrorClass::kPermanent;
}

/// Fit for a row of the jobs table: short, one line, and without the key that some providers quote back.
std::string presentable(std::string message, const std::string& api_key) {
    for (auto at = message.find(api_key); !api_key.empty() && at != std::string::npos; at = message.find(api_key, at)) {
        message.replace(at, api_key.size(), "***");
        at += 3;
    }
    for (char& c : message) {
        if (static_cast<unsigned char>(c) < 0x20) c = ' ';
    }
    return shortened(message, kLongestMessage);
}

}  // namespace

std::string_view to_string(ModelErrorClass kind) noexcept {
    switch (kind) {
        case ModelErrorClass::kPermanent: return "permanent";
        case ModelErrorClass::kRetryable: return "retryable";
        case ModelErrorClass::kContextLength: return "context_length";
        case ModelErrorClass::kCancelled: return "cancelled";
        case ModelErrorClass::kDeadline: return "deadline";
        case ModelErrorClass::kUnavailable: return "unavailable";
    }
    return "unknown";
}

HttpRequest make_provider_request(const ProviderSettings& settings, std::string_view path, std::string body,
                                  core::Deadline deadline) {
    HttpRequest request;
    request.method = "POST";
    std::string base = settings.base_url;
    std::string query;
    if (const auto mark = base.find('?'); mark != std::string::npos) {
        query = base.substr(mark);
        base.erase(mark);
    }
    while (base.ends_with('/')) base.pop_back();
    request.url = base + std::string{path};
    if (!query.empty() && path.find('?') != std::string_view::npos) query.front() = '&';
    request.url += query;
    request.headers = {{"Content-Type", "application/json"}};
    if (!settings.api_key.empty()) {
        switch (settings.auth) {
            case ProviderAuth::kApiKey: request.headers.emplace_back("api-key", settings.api_key); break;
            case ProviderAuth::kXApiKey: request.headers.emplace_back("x-api-key", settings.api_key); break;
            case ProviderAuth::kByProtocol:
            case ProviderAuth::kBearer: request.headers.emplace_back("Authorization", "Bearer " + settings.api_key);
        }
    }
    request.headers.insert(request.headers.end(), settings.headers.begin(), settings.headers.end());
    request.body = std::move(body);
    request.deadline = deadline;
    request.connect_timeout = settings.connect_timeout;
    request.stall_timeout = settings.stall_timeout;
    request.max_response_bytes = settings.max_response_bytes;
    request.unix_socket = settings.unix_socket;
    request.only_public = settings.only_public;
    return request;
}

asio::awaitable<std::expected<HttpResponse, CallError>> collect_answer(HttpStream stream) {
    HttpResponse response{stream.head(), {}};
    while (true) {
        auto data = co_await stream.read();
        if (!data) {
            if (response.status() == 200 || data.error().kind == CallFailure::kCancelled) {
                co_return std::unexpected{std::move(data.error())};
            }
            co_return response;
        }
        if (data->empty()) co_return response;
        response.body += *data;
    }
}

ModelError model_error_of(const ProviderSettings& settings, const HttpHead& head, std::string_view body,
                          core::WallTime now) {
    const nlohmann::json parsed = parse_provider_json(body);
    ErrorDetails details;
    if (!parsed.is_discarded()) details = details_of(parsed);
    // A body that is not JSON is mostly a proxy's page, of which the beginning tells enough.
    if (details.message.empty()) details.message = to_valid_utf8(body.substr(0, 2 * kLongestMessage));
    ModelError error;
    error.kind = class_of(head.status, details);
    error.status = head.status;
    if (error.kind == ModelErrorClass::kRetryable) {
        error.retry_after = find_retry_after(head, now);
        if (!error.retry_after) error.retry_after = find_retry_after_in(details.message);
        error.rate_limited = head.status == 429 || is_rate_limit(details);
    }
    error.message = "the provider answered " + std::to_string(head.status);
    if (!details.message.empty()) error.message += ": " + presentable(std::move(details.message), settings.api_key);
    return error;
}

ModelError model_error_of(const CallError& error, core::Deadline deadline) {
    ModelError out{ModelErrorClass::kRetryable, error.message, std::nullopt, 0};
    if (error.kind == CallFailure::kCancelled) out.kind = ModelErrorClass::kCancelled;
    if (error.kind == CallFailure::kTimeout && deadline.reached()) out.kind = ModelErrorClass::kDeadline;
    if (error.kind == CallFailure::kTooLarge) out.kind = ModelErrorClass::kPermanent;
    out.may_be_billed = error.repeat == Repeat::kUnsafe &&
                        (error.kind == CallFailure::kTimeout || error.kind == CallFailure::kTruncated ||
                         error.kind == CallFailure::kTooLarge || error.kind == CallFailure::kCancelled);
    if (error.kind == CallFailure::kProtocol && error.repeat == Repeat::kSafe) out.kind = ModelErrorClass::kPermanent;
    return out;
}

ModelError model_error_in(const ProviderSettings& settings, const nlohmann::json& error) {
    const ErrorDetails details = details_of(error);
    ModelError out;
    out.status = 200;
    if (details.status >= 400) out.kind = class_of(details.status, details);
    else if (is_context_length(details, 400)) out.kind = ModelErrorClass::kContextLength;
    else if (lacks_quota(details) || blames_the_request(details)) out.kind = ModelErrorClass::kPermanent;
    if (out.kind == ModelErrorClass::kRetryable) {
        out.rate_limited = is_rate_limit(details);
        out.retry_after = find_retry_after_in(details.message);
    }
    out.message = "the provider broke off its answer with an error: " +
                  (details.message.empty() ? "it gave no reason" : presentable(details.message, settings.api_key));
    return out;
}

ModelError garbled_answer(std::string_view what) {
    ModelError error{ModelErrorClass::kRetryable, "the provider's answer is garbled: " + std::string{what},
                     std::nullopt, 200};
    error.may_be_billed = true;
    return error;
}

nlohmann::json parse_provider_json(std::string_view text) {
    auto parsed = core::parse_foreign_json(text);
    if (!parsed.is_discarded()) return parsed;
    return core::parse_foreign_json(core::with_storable_escapes(to_valid_utf8(text)));
}

std::int64_t token_count(const nlohmann::json& object, const char* name) {
    if (!object.is_object()) return 0;
    const auto found = object.find(name);
    if (found == object.end() || !found->is_number()) return 0;
    // Numbers of JSON may be larger than any integer; compared as what holds them all.
    const auto told = found->get<double>();
    if (!(told > 0)) return 0;
    return told < static_cast<double>(kMaxCallTokens) ? static_cast<std::int64_t>(told) : kMaxCallTokens;
}

std::string text_member(const nlohmann::json& object, const char* name) {
    if (!object.is_object()) return {};
    const auto found = object.find(name);
    if (found == object.end() || !found->is_string()) return {};
    return to_valid_utf8(found->get_ref<const std::string&>());
}

}  // namespace oiab::clients
