#pragma once
/// @file  LISTEN on some channels: a thread with a session of its own that sleeps until the server speaks. Hints only:
/// what must not be missed is polled for.

#include <chrono>
#include <functional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "core/random.hpp"
#include "observe/log.hpp"
#include "pg/session.hpp"

namespace oiab::pg {

class Listener {
public:
    struct Callbacks {
        /// One notification. Called on the listener's thread; must not block.
        std::function<void(std::string_view channel, std::string_view payload)> notified;
        /// Listening (again): what was notified before may have been missed.
        std::function<void()> listening;
        /// The thread ended by an exception that nobody expected.
        std::function<void(std::string)> failed;
    };

    /// Does no I/O.
    Listener(SessionSettings settings, std::vector<std::string> channels, Callbacks callbacks, core::Random& random,
             const observe::Log& log);
    Listener(const Listener&) = delete;
    Listener& operator=(const Listener&) = delete;
    /// Stops and joins.
    ~Listener();

    /// Starts the thread; it connects in the background and, after a break, again with a growing, jittered pause.
    void start();
    /// Idempotent, legal at any time, returns at once. Cuts the session, so that join() waits for no server: at most
    /// for the rest of a connect_timeout.
    void request_stop() noexcept;
    void join();

    /// See Session::cut_if_overstaying. Waiting for notifications is no overstaying.
    bool cut_if_overstaying(std::chrono::steady_clock::duration limit) noexcept {
        return session_.cut_if_overstaying(limit);
    }

private:
    void serve();
    void listen_until_broken();
    /// @returns false once a stop was requested.
    bool pause(std::chrono::milliseconds wait) noexcept;

    Session session_;
    const std::vector<std::string> channels_;
    const Callbacks callbacks_;
    core::Random& random_;
    const observe::Log& log_;
    int stop_descriptor_;  // an eventfd: readable once a stop was requested
    std::chrono::milliseconds next_pause_;
    std::thread thread_;
};

}  // namespace oiab::pg
