#pragma once
/// @file  Why a model call failed, told apart by what the caller can do about it. A value; any thread.

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace oiab::clients {

enum class ModelErrorClass {
    kPermanent,      ///< repeating cannot help: refused, unknown model, wrong key, no quota
    kRetryable,      ///< overload, rate limit, server trouble, a broken connection
    kContextLength,  ///< the conversation is longer than the model's window: trim and try once more
    kCancelled,      ///< the caller's cancellation, or the process stops
    kDeadline,       ///< the request's deadline passed
    kUnavailable,    ///< not even asked, since the provider is out of order or overrun: come back after `retry_after`
};

struct ModelError {
    ModelErrorClass kind = ModelErrorClass::kRetryable;
    std::string message;  ///< in the provider's words where it had any; bounded, valid UTF-8, without the API key
    std::optional<std::chrono::milliseconds> retry_after;  ///< what the provider asked for
    int status = 0;                                        ///< of HTTP; 0 when no answer came
    bool rate_limited = false;  ///< refused since this key asks too often (429): says nothing against the provider
    /// The request was sent and no refusal came: the provider may have worked on it and bill it.
    bool may_be_billed = false;
};

[[nodiscard]] std::string_view to_string(ModelErrorClass kind) noexcept;

}  // namespace oiab::clients
