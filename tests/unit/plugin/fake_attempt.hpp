#pragma once
/// @file  An attempt without a database, for the tests of handlers that others write: it remembers what was asked of
/// it. Thread-safe.

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <functional>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "oiab/handler.hpp"

namespace oiab::tests {

class FakeAttempt final : public Attempt {
public:
    explicit FakeAttempt(std::string payload = "{}") {
        job_.id = *core::JobId::parse("0192f0c1-7d3a-7000-8000-00000000abcd");
        job_.kind = "test-kind";
        job_.payload = std::move(payload);
        job_.lease_epoch = {7};
    }

    core::Job job_;
    core::Deadline deadline_ = core::Deadline::after(std::chrono::seconds{60});
    bool lease_lost_ = false;                         ///< what enqueue and progress find
    std::function<void(const std::string&)> on_log_;  ///< told every line
    std::function<void()> on_progress_;
    std::function<void(const core::NewJob&)> on_enqueue_;

    [[nodiscard]] std::vector<std::string> logged() const { return copy(logged_); }
    [[nodiscard]] std::vector<nlohmann::json> progressed() const { return copy(progressed_); }
    [[nodiscard]] std::vector<core::NewJob> enqueued() const { return copy(enqueued_); }
    [[nodiscard]] int heartbeats() const { return copy(heartbeats_); }
    [[nodiscard]] bool has_logged(std::string_view text) const {
        for (const auto& line : logged()) {
            if (line.find(text) != std::string::npos) return true;
        }
        return false;
    }
    void set_cancelled(core::CancelReason reason) {
        const std::scoped_lock lock{mutex_};
        cancelled_ = reason;
    }

    [[nodiscard]] const core::Job& job() const noexcept override { return job_; }
    [[nodiscard]] core::Deadline deadline() const noexcept override { return deadline_; }
    [[nodiscard]] std::optional<core::CancelReason> cancelled() const noexcept override { return copy(cancelled_); }
    void log(LogLevel, std::string_view message) override {
        {
            const std::scoped_lock lock{mutex_};
            logged_.emplace_back(message);
        }
        if (on_log_) on_log_(std::string{message});
    }
    boost::asio::awaitable<core::Enqueued> enqueue(core::NewJob job) override {
        if (lease_lost_) throw LeaseLost{};
        if (on_enqueue_) on_enqueue_(job);
        {
            const std::scoped_lock lock{mutex_};
            enqueued_.push_back(std::move(job));
        }
        // As on a lane: what is under way is finished, and a cancellation that came meanwhile finds the next wait.
        co_await boost::asio::post(boost::asio::use_awaitable);
        co_return core::Enqueued{*core::JobId::parse("0192f0c1-7d3a-7000-8000-00000000beef"), true};
    }
    boost::asio::awaitable<bool> progress(nlohmann::json value) override {
        {
            const std::scoped_lock lock{mutex_};
            if (!lease_lost_) progressed_.push_back(std::move(value));
        }
        if (on_progress_) on_progress_();
        co_await boost::asio::post(boost::asio::use_awaitable);
        co_return !lease_lost_;
    }
    void heartbeat() noexcept override {
        const std::scoped_lock lock{mutex_};
        ++heartbeats_;
    }

    // What needs a database is none of these handlers' business.
    [[nodiscard]] pg::LaneGroup& store() noexcept override { std::terminate(); }
    void guard_in(pg::Transaction&) override { std::terminate(); }
    core::Enqueued enqueue_in(pg::Transaction&, const core::NewJob&) override { std::terminate(); }
    boost::asio::awaitable<core::Outcome> complete_in(std::function<std::string(pg::Transaction&)>) override {
        std::terminate();
    }
    boost::asio::awaitable<nlohmann::json> step(std::string, nlohmann::json, StepBody, StepOptions) override {
        std::terminate();
    }

    nlohmann::json step_in(pg::Transaction&, const std::string&, const nlohmann::json&,
                           const std::function<nlohmann::json()>&) override {
        std::terminate();
    }

private:
    template <typename Value>
    Value copy(const Value& value) const {
        const std::scoped_lock lock{mutex_};
        return value;
    }

    mutable std::mutex mutex_;
    std::vector<std::string> logged_;
    std::vector<nlohmann::json> progressed_;
    std::vector<core::NewJob> enqueued_;
    int heartbeats_ = 0;
    std::optional<core::CancelReason> cancelled_;
};

/// Attempts under way on one thread, as the executor runs them: each on a strand, with a cancellation signal.
class Stage {
public:
    struct Running {
        explicit Running(boost::asio::io_context& context) : strand{boost::asio::make_strand(context)} {}
        boost::asio::strand<boost::asio::io_context::executor_type> strand;
        boost::asio::cancellation_signal signal;
        std::optional<core::Outcome> outcome;
        std::exception_ptr failure;
        FakeAttempt* attempt = nullptr;
    };

    /// Starts an attempt; `running()` tells how it ended. The attempt outlives the stage's run.
    std::shared_ptr<Running> start(Handler& handler, FakeAttempt& attempt) {
        auto running = std::make_shared<Running>(context_);
        running->attempt = &attempt;
        boost::asio::co_spawn(running->strand, handler.run(attempt),
                              boost::asio::bind_cancellation_slot(
                                  running->signal.slot(), [running](std::exception_ptr failure, core::Outcome outcome) {
                                      running->failure = failure;
                                      if (!failure) running->outcome = std::move(outcome);
                                  }));
        return running;
    }
    /// From any thread: asks the attempt to stop, as the executor does.
    static void cancel(const std::shared_ptr<Running>& running, core::CancelReason reason) {
        running->attempt->set_cancelled(reason);
        boost::asio::post(running->strand,
                          [running] { running->signal.emit(boost::asio::cancellation_type::terminal); });
    }
    /// Until every attempt has ended.
    void run() { context_.run(); }

private:
    boost::asio::io_context context_;
};

/// Runs one attempt to its end. @throws what the handler threw
inline core::Outcome run_attempt(Handler& handler, FakeAttempt& attempt) {
    Stage stage;
    const auto running = stage.start(handler, attempt);
    stage.run();
    if (running->failure) std::rethrow_exception(running->failure);
    return *running->outcome;
}

/// The outcome as one line: "completed {…}", "retry after 5000 ms: …", "retry not before 5000 ms: …", "failed(error):
/// …", "snoozed 10 ms".
inline std::string told(const core::Outcome& outcome) {
    if (const auto* done = std::get_if<core::Completed>(&outcome)) {
        return "completed" + (done->result.empty() ? "" : " " + done->result);
    }
    if (const auto* retry = std::get_if<core::Retry>(&outcome)) {
        std::string after = retry->after ? " after " + std::to_string(retry->after->count()) + " ms" : "";
        if (retry->at_least) after = " not before " + std::to_string(retry->at_least->count()) + " ms";
        return "retry" + after + ": " + retry->error;
    }
    if (const auto* failed = std::get_if<core::Failed>(&outcome)) {
        return "failed(" + std::string{core::to_string(failed->reason)} + "): " + failed->error;
    }
    if (const auto* snoozed = std::get_if<core::Snoozed>(&outcome)) {
        return "snoozed " + std::to_string(snoozed->after.count()) + " ms";
    }
    return std::string{core::name_of(outcome)};
}

}  // namespace oiab::tests
