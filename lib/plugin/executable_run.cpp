#include "plugin/executable_run.hpp"

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/asio/cancellation_state.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/system_error.hpp>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <exception>
#include <utility>

#include "clients/utf8.hpp"
#include "core/json_text.hpp"
#include "plugin/job_document.hpp"

namespace oiab::plugin {
namespace {

namespace asio = boost::asio;
using nlohmann::json;

// The bounds keep one program from occupying the database, the log or a handler thread; honest ones stay far below.
constexpr std::size_t kMaxMessageBytes = 4U << 20U;  // or four of the longest lines that are allowed
constexpr std::size_t kMaxEnqueued = 1000;
constexpr std::size_t kMaxLoggedLines = 1000;
constexpr std::size_t kLongestOutputLine = 64U << 10U;
constexpr std::size_t kLongestLoggedLine = 1000;
constexpr std::chrono::milliseconds kProgressInterval{500};
constexpr std::chrono::milliseconds kFloodPause{10};  // 64 KiB each: 6 MB a second go to waste, at hardly any cost

constexpr int kExitFailed = 65;  // EX_DATAERR
constexpr int kExitRetry = 75;   // EX_TEMPFAIL

/// Reads what is there. @returns 0 at the end of the stream, -1 when there is nothing yet.
ssize_t read_some(const Descriptor& from, std::array<char, 65'536>& buffer) {
    while (true) {
        const ssize_t count = read(from.get(), buffer.data(), buffer.size());
        if (count >= 0 || errno != EINTR) return count;
    }
}

void watch(int epoll, int descriptor, int verb, unsigned events) {
    epoll_event event{};
    event.events = events;
    event.data.fd = descriptor;
    if (epoll_ctl(epoll, verb, descriptor, &event) != 0) {
        throw boost::system::system_error{errno, boost::system::system_category(), "epoll_ctl"};
    }
}

}  // namespace

ExecutableRun::ExecutableRun(Attempt& attempt, const ExecutableSettings& settings, Child child,
                             const asio::any_io_executor& executor)
    : attempt_{attempt},
      settings_{settings},
      child_{std::move(child)},
      epoll_{epoll_create1(EPOLL_CLOEXEC)},
      timer_{timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK)},
      news_{executor},
      max_message_bytes_{std::max(kMaxMessageBytes, 4 * settings.max_output)},
      messages_{settings.max_output},
      output_{kLongestOutputLine} {
    if (!epoll_.is_open() || !timer_.is_open()) {
        throw boost::system::system_error{errno, boost::system::system_category(),
                                          "no descriptors to follow a program"};
    }
    for (const int descriptor : {child_.messages().get(), child_.output().get(), child_.ended().get(), timer_.get()}) {
        watch(epoll_.get(), descriptor, EPOLL_CTL_ADD, EPOLLIN);
    }
    news_.assign(fcntl(epoll_.get(), F_DUPFD_CLOEXEC, 0));
}

asio::awaitable<core::Outcome> ExecutableRun::follow() {
    while (!ended_) {
        const auto state = co_await asio::this_coro::cancellation_state;
        if (!stopping_ && (attempt_.cancelled() || state.cancelled() != asio::cancellation_type::none)) {
            // From here on the program's end is waited for, however often somebody asks us to hurry.
            co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
            begin_stop();
        }
        arm_timer();
        co_await wait_for_news();
        take_news();
        if (stopping_) continue;  // the database may be slow, and must not delay the SIGKILL
        try {
            co_await pass_on();
        } catch (const boost::system::system_error& error) {
            if (error.code() != asio::error::operation_aborted) throw;  // else the loop finds out why
        }
    }
    // A cancellation that comes only now finds the work done: neither its jobs nor its outcome are thrown away.
    co_await asio::this_coro::throw_if_cancelled(false);
    std::exception_ptr not_passed_on;
    try {
        next_progress_ = core::Deadline::after({});
        co_await pass_on();
    } catch (...) {  // whatever it is: it is thrown on as soon as cancellations throw again
        not_passed_on = std::current_exception();
    }
    co_await asio::this_coro::throw_if_cancelled(true);
    if (not_passed_on) std::rethrow_exception(not_passed_on);
    co_return outcome_of(child_.reap());
}

asio::awaitable<void> ExecutableRun::wait_for_news() {
    boost::system::error_code ignored;  // a cancellation, which the loop looks for itself
    co_await news_.async_wait(asio::posix::stream_descriptor::wait_read,
                              asio::redirect_error(asio::use_awaitable, ignored));
}

void ExecutableRun::take_news() {
    std::array<epoll_event, 4> events;
    const int count = epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), 0);
    for (int i = 0; i < count; ++i) {
        const int descriptor = events[static_cast<std::size_t>(i)].data.fd;
        if (descriptor == child_.messages().get()) {
            if (!read_messages()) child_.messages().close();
        } else if (descriptor == child_.output().get()) {
            if (!read_output()) child_.output().close();
        } else if (descriptor == child_.ended().get()) {
            ended_ = true;
        } else {
            std::uint64_t ignored = 0;
            static_cast<void>(!read(timer_.get(), &ignored, sizeof ignored));
        }
    }
    if (next_output_.reached()) watch_output(true);
    if (kill_at_.reached()) {
        kill_at_ = core::Deadline::never();
        child_.signal_group(SIGKILL);
    }
    if (!ended_) return;
    // What it wrote last may still lie in the pipes. Their end is not waited for: a grandchild may hold them open.
    while (child_.messages().is_open() && message_bytes_ <= max_message_bytes_ && read_messages()) {
        if (errno == EAGAIN) break;
    }
    while (child_.output().is_open() && output_bytes_ <= settings_.max_output && read_output()) {
        if (errno == EAGAIN) break;
    }
    if (const std::string rest = messages_.take_rest(); !rest.empty()) take_message(rest);
    if (const std::string rest = output_.take_rest(); !rest.empty()) take_output_line(rest);
}

bool ExecutableRun::read_messages() {
    std::array<char, 65'536> buffer;
    errno = 0;
    const ssize_t count = read_some(child_.messages(), buffer);
    if (count < 0) return errno == EAGAIN;
    if (count == 0) return false;
    message_bytes_ += static_cast<std::size_t>(count);
    if (breach_) return true;  // read on, so that the program's end is its own
    const std::string_view bytes{buffer.data(), static_cast<std::size_t>(count)};
    if (!messages_.push(bytes, [this](std::string_view line) { take_message(line); })) {
        take_breach("it wrote a line of more than " + std::to_string(settings_.max_output) + " bytes on descriptor 3");
    }
    if (message_bytes_ > max_message_bytes_) take_breach("it flooded descriptor 3");
    return true;
}

void ExecutableRun::take_message(std::string_view line) {
    if (breach_ || line.find_first_not_of(" \t\r") == std::string_view::npos) return;
    json message = core::parse_foreign_json(line);
    if (message.is_discarded()) message = core::parse_foreign_json(clients::to_valid_utf8(line));
    if (!message.is_object() || !message.contains("type") || !message["type"].is_string()) {
        take_breach("it wrote a line on descriptor 3 that is no JSON object with a \"type\", or one nested too deep");
        return;
    }
    const auto& type = message["type"].get_ref<const std::string&>();
    attempt_.heartbeat();
    if (type == "progress") {
        progress_ = message.contains("value") ? message["value"] : json{};
    } else if (type == "result") {
        result_ = std::move(message);
    } else if (type == "enqueue") {
        auto job = parse_new_job(message.contains("job") ? message["job"] : json{}, attempt_.job());
        if (!job) take_breach("it asked to enqueue a malformed job: " + job.error());
        else if (++enqueued_ > kMaxEnqueued) take_breach("it asked to enqueue more than 1000 jobs");
        else to_enqueue_.push_back(std::move(*job));
    } else if (type != "heartbeat") {
        take_breach(
            "it wrote a line on descriptor 3 of a type that is none of progress, heartbeat, enqueue and result");
    }
}

/// The program's word counts no more; so that it cannot go on flooding, it is killed.
void ExecutableRun::take_breach(std::string what) {
    if (breach_) return;
    breach_ = std::move(what);
    to_enqueue_.clear();
    child_.signal_group(SIGKILL);
}

bool ExecutableRun::read_output() {
    std::array<char, 65'536> buffer;
    errno = 0;
    const ssize_t count = read_some(child_.output(), buffer);
    if (count < 0) return errno == EAGAIN;
    if (count == 0) return false;
    const bool was_within = output_bytes_ <= settings_.max_output;
    output_bytes_ += static_cast<std::size_t>(count);
    if (was_within) {
        const std::string_view bytes{buffer.data(), static_cast<std::size_t>(count)};
        if (!output_.push(bytes, [this](std::string_view line) { take_output_line(line); })) {
            attempt_.log(LogLevel::kWarning, "a line of the program's output is too long to be logged");
        }
    }
    if (output_bytes_ > settings_.max_output) {
        if (was_within) attempt_.log(LogLevel::kWarning, "the rest of the program's output is thrown away");
        watch_output(false);
    }
    return true;
}

void ExecutableRun::take_output_line(std::string_view line) {
    while (line.ends_with('\r')) line.remove_suffix(1);
    if (line.empty()) return;
    const std::string text =
        clients::shortened(clients::to_valid_utf8(line.substr(0, 4 * kLongestLoggedLine)), kLongestLoggedLine);
    if (++output_lines_ <= kMaxLoggedLines) attempt_.log(LogLevel::kInfo, text);
    else if (output_lines_ == kMaxLoggedLines + 1) attempt_.log(LogLevel::kWarning, "further output is not logged");
    last_line_ = text;
}

void ExecutableRun::watch_output(bool on) {
    next_output_ = on ? core::Deadline::never() : core::Deadline::after(kFloodPause);
    if (!child_.output().is_open() || ended_) return;
    watch(epoll_.get(), child_.output().get(), on ? EPOLL_CTL_ADD : EPOLL_CTL_DEL, EPOLLIN);
}

asio::awaitable<void> ExecutableRun::pass_on() {
    if (breach_) co_return;
    if (progress_ && next_progress_.reached()) {
        next_progress_ = core::Deadline::after(kProgressInterval);
        json value = std::move(*progress_);
        progress_.reset();
        if (!co_await attempt_.progress(std::move(value))) throw LeaseLost{};
    }
    // Each is forgotten only once it is written: a cancellation may come between any two of them.
    while (!to_enqueue_.empty()) {
        core::NewJob job = to_enqueue_.front();
        static_cast<void>(co_await attempt_.enqueue(std::move(job)));
        to_enqueue_.pop_front();
    }
}

void ExecutableRun::begin_stop() {
    stopping_ = true;
    kill_at_ = core::Deadline::after(settings_.cancel_grace);
    child_.signal_group(SIGTERM);
}

void ExecutableRun::arm_timer() {
    core::Deadline next = kill_at_.or_earlier(next_output_);
    if (progress_ && !stopping_) next = next.or_earlier(next_progress_);
    itimerspec when{};
    if (next.at() != core::Deadline::never().at()) {
        // All zeros would disarm it, so what is due at once is due in a nanosecond.
        const auto left = std::max(std::chrono::nanoseconds{next.at() - std::chrono::steady_clock::now()},
                                   std::chrono::nanoseconds{1});
        const auto whole = std::chrono::floor<std::chrono::seconds>(left);
        when.it_value.tv_sec = whole.count();
        when.it_value.tv_nsec = (left - whole).count();
    }
    timerfd_settime(timer_.get(), 0, &when, nullptr);
}

core::Outcome ExecutableRun::outcome_of(ChildEnd end) {
    if (breach_) return core::retry("the program broke the protocol: " + *breach_);
    if (!end.exited) {
        const char* const name = sigdescr_np(end.code);
        return core::retry("the program was killed by signal " + std::to_string(end.code) +
                           (name == nullptr ? "" : std::string{" ("} + name + ")"));
    }
    result_["outcome"] = end.code == 0 ? "completed" : end.code == kExitFailed ? "failed" : "retry";
    if (!result_.contains("error")) {
        std::string error = "the program exited with code " + std::to_string(end.code);
        if (!last_line_.empty()) error += ": " + last_line_;
        result_["error"] = std::move(error);
    }
    // How long to wait is the word of a program that asks for another try, not of one that died.
    if (end.code != kExitRetry) result_.erase("afterSeconds");
    auto outcome = parse_outcome(result_);
    if (!outcome) return core::retry("the program broke the protocol: in its result " + outcome.error());
    return std::move(*outcome);
}

}  // namespace oiab::plugin
