#pragma once
/// @file  Hands a member of a dispatch to the pool of sandboxes that configuration names. For the handler of
/// dispatch-execute; thread-safe.

#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <string>
#include <variant>

#include "clients/http_client.hpp"
#include "core/clock.hpp"

namespace oiab::clients {

struct DispatchPoolSettings {
    std::string url;
    std::string token;  ///< sent as a bearer token; empty for none
};

struct PoolResult {
    std::string text;
};
/// The pool has done it and it went wrong, or will not do it: asking again changes nothing.
struct PoolRefusal {
    std::string why;
};
/// It works on it. The same request, with the same key, asks again.
struct PoolPending {
    std::chrono::milliseconds ask_again_in;
};
/// No answer, or one that may pass: the same request may be sent again.
struct PoolTrouble {
    std::string why;
    std::optional<std::chrono::milliseconds> at_least;
};
using PoolAnswer = std::variant<PoolResult, PoolRefusal, PoolPending, PoolTrouble>;

class DispatchPool {
public:
    /// @param http, clock  outlive it
    DispatchPool(HttpClient& http, const core::Clock& clock, DispatchPoolSettings settings)
        : http_{http}, clock_{clock}, settings_{std::move(settings)} {}

    /// Posts the request. @param key  sent as Idempotency-Key: the pool does one piece of work for one key, however
    /// often it is asked. @throws boost::system::system_error (operation_aborted) where the caller was cancelled
    [[nodiscard]] asio::awaitable<PoolAnswer> ask(std::string body, std::string key, core::Deadline deadline);

private:
    HttpClient& http_;
    const core::Clock& clock_;
    const DispatchPoolSettings settings_;
};

/// Reads an answer. Pure. @param retry_after  what its head asks for
[[nodiscard]] PoolAnswer read_pool_answer(int status, std::string_view body,
                                          std::optional<std::chrono::milliseconds> retry_after);

}  // namespace oiab::clients
