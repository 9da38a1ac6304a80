#pragma once
/// @file  A service: one thread with one database session. The common start, stop and failure contract.

#include <atomic>
#include <functional>
#include <string>
#include <thread>

#include "observe/log.hpp"
#include "pg/channel.hpp"
#include "pg/database_error.hpp"
#include "pg/session.hpp"
#include "queue/steady_plans.hpp"
#include "runtime/wakeup.hpp"

namespace oiab::runtime {

/// Construction does no I/O; start() starts the thread; request_stop() is idempotent, legal at any time and returns at
/// once; join() blocks until the thread has ended. An exception that escapes the thread is reported as "engine failed":
/// leases expire and the process is restarted.
class Service {
public:
    using EngineFailed = std::function<void(std::string)>;

    Service(std::string name, pg::SessionSettings settings, EngineFailed failed, const observe::Log& log);
    Service(const Service&) = delete;
    Service& operator=(const Service&) = delete;
    virtual ~Service();  ///< Asserts that the thread has been joined: the derived part is gone by now.

    void start();
    void request_stop() noexcept;
    void join();
    /// Wakes the thread to look at its work. Never blocks.
    void ring() { wakeup_.ring(); }
    /// See Session::cut_if_overstaying.
    bool cut_if_overstaying(std::chrono::steady_clock::duration limit) noexcept {
        return session_.cut_if_overstaying(limit);
    }

protected:
    /// The thread's work; returns once a stop was requested and everything promised is done.
    virtual void serve() = 0;

    [[nodiscard]] bool stopping() const noexcept { return stopping_.load(std::memory_order_acquire); }
    /// Waits until rung or the deadline; a requested stop rings.
    void wait(core::Deadline deadline) { wakeup_.wait(deadline); }
    /// The same, and until something is notified on the channel, to which the session listens. @returns whether
    /// something was. @throws pg::DatabaseError where the session broke meanwhile
    [[nodiscard]] bool wait(core::Deadline deadline, pg::Channel& channel);
    /// The service's session, connected, with plans that are made once. @throws pg::DatabaseError
    [[nodiscard]] pg::Session& session() { return plans_.on(session_); }
    [[nodiscard]] const observe::Log& log() const noexcept { return log_; }

    /// Says once that the database is away, and once that it is back.
    void note_trouble(const pg::DatabaseError& error);
    void note_success();
    /// How long to wait before the next attempt: 100 ms, doubling to 5 s while trouble lasts, with jitter by name.
    [[nodiscard]] std::chrono::milliseconds trouble_pause() const noexcept;

private:
    std::string name_;
    pg::Session session_;
    queue::SteadyPlans plans_;
    EngineFailed failed_;
    const observe::Log& log_;
    Wakeup wakeup_;
    std::atomic<bool> stopping_{false};
    int troubles_ = 0;  // consecutive; service thread only
    std::thread thread_;
};

}  // namespace oiab::runtime
