#pragma once
/// @file  Lets so many coroutines at a time through, first come, first served; the others wait without a thread.
/// Thread-safe.

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/experimental/concurrent_channel.hpp>
#include <boost/asio/system_executor.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cstddef>
#include <optional>
#include <utility>

namespace oiab::clients {

class Turnstile {
public:
    explicit Turnstile(std::size_t passes = 1) : pass_{boost::asio::system_executor{}, passes} {
        for (std::size_t i = 0; i < passes; ++i) leave();
    }
    Turnstile(const Turnstile&) = delete;
    Turnstile& operator=(const Turnstile&) = delete;
    ~Turnstile() = default;

    /// Inside until it is destroyed. Move-only.
    class Pass {
    public:
        Pass(Pass&& other) noexcept : turnstile_{std::exchange(other.turnstile_, nullptr)} {}
        Pass& operator=(Pass&&) = delete;
        ~Pass() {
            if (turnstile_ != nullptr) turnstile_->leave();
        }

    private:
        friend class Turnstile;
        explicit Pass(Turnstile* turnstile) noexcept : turnstile_{turnstile} {}
        Turnstile* turnstile_;
    };

    /// Waits for a pass. @returns nullopt where the coroutine is cancelled meanwhile.
    [[nodiscard]] boost::asio::awaitable<std::optional<Pass>> enter() {
        const auto [error] = co_await pass_.async_receive(boost::asio::as_tuple(boost::asio::use_awaitable));
        if (error) co_return std::nullopt;
        co_return Pass{this};
    }

private:
    void leave() noexcept { pass_.try_send(boost::system::error_code{}); }

    boost::asio::experimental::concurrent_channel<void(boost::system::error_code)> pass_;
};

}  // namespace oiab::clients
