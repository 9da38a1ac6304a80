#include "daemon/chat_input.hpp"

#include <poll.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <system_error>

namespace oiab::daemon {
namespace {

/// A line that is longer is no message that anybody typed, and no model would take it.
constexpr std::size_t kLongestLine = 1U << 20U;

// A signal handler reaches nothing but a variable of the program.
volatile std::sig_atomic_t interrupted = 0;

extern "C" void note_interrupt(int) { interrupted = 1; }

void set_interrupt_handler(void (*handler)(int)) {
    struct sigaction action{};
    action.sa_handler = handler;
    sigemptyset(&action.sa_mask);
    (void)::sigaction(SIGINT, &action, nullptr);
}

timespec to_timespec(std::chrono::milliseconds time) {
    return {.tv_sec = static_cast<time_t>(time.count() / 1000), .tv_nsec = (time.count() % 1000) * 1'000'000};
}

/// ppoll with Ctrl-C let through only while it waits, so that none falls between a check and the wait.
int wait_on(std::array<pollfd, 2>& descriptors, nfds_t count, std::chrono::milliseconds at_most) {
    sigset_t inside{};
    (void)::pthread_sigmask(SIG_SETMASK, nullptr, &inside);
    sigdelset(&inside, SIGINT);
    const auto limit = to_timespec(at_most);
    const int ready = ::ppoll(descriptors.data(), count, &limit, &inside);
    if (ready < 0 && errno != EINTR) throw std::system_error{errno, std::generic_category(), "poll of the chat"};
    return ready;
}

}  // namespace

InterruptWatch::InterruptWatch() {
    interrupted = 0;
    sigset_t interrupt{};
    sigaddset(&interrupt, SIGINT);
    (void)::pthread_sigmask(SIG_BLOCK, &interrupt, nullptr);
    set_interrupt_handler(note_interrupt);
}

InterruptWatch::~InterruptWatch() {
    set_interrupt_handler(SIG_DFL);
    sigset_t interrupt{};
    sigaddset(&interrupt, SIGINT);
    (void)::pthread_sigmask(SIG_UNBLOCK, &interrupt, nullptr);
}

bool InterruptWatch::take() noexcept {
    const bool pressed = interrupted != 0;
    interrupted = 0;
    return pressed;
}

void wait_for_news(pg::Session& session, pg::Channel& channel, std::chrono::milliseconds at_most) {
    if (channel.take(session)) return;
    std::array<pollfd, 2> descriptors{pollfd{channel.descriptor(session), POLLIN, 0}, pollfd{-1, 0, 0}};
    (void)wait_on(descriptors, 1, at_most);
}

bool LineReader::take_line() {
    const auto end = buffer_.find('\n');
    if (end == std::string::npos && !(ended_ && !buffer_.empty())) return false;
    line_ = buffer_.substr(0, end);
    buffer_.erase(0, end == std::string::npos ? buffer_.size() : end + 1);
    if (line_.ends_with('\r')) line_.pop_back();
    return true;
}

LineReader::Event LineReader::wait(pg::Session& session, pg::Channel& channel, std::chrono::milliseconds at_most) {
    for (;;) {
        if (take_line()) return Event::kLine;
        if (ended_) return Event::kEnd;
        if (channel.take(session)) return Event::kNews;
        std::array<pollfd, 2> descriptors{pollfd{STDIN_FILENO, POLLIN, 0},
                                          pollfd{channel.descriptor(session), POLLIN, 0}};
        if (wait_on(descriptors, 2, at_most) <= 0 || descriptors[0].revents == 0) return Event::kNews;
        std::array<char, 4096> bytes{};
        const auto count = ::read(STDIN_FILENO, bytes.data(), bytes.size());
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) throw std::system_error{errno, std::generic_category(), "reading what was typed"};
        if (count == 0) ended_ = true;
        buffer_.append(bytes.data(), static_cast<std::size_t>(count));
        if (buffer_.size() > kLongestLine) throw std::runtime_error{"a line of more than 1 MiB is no message"};
    }
}

}  // namespace oiab::daemon
