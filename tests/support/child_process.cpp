#include "support/child_process.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <catch2/catch_test_macros.hpp>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <mutex>
#include <system_error>
#include <thread>
#include <utility>

namespace oiab::tests {
namespace {

using std::chrono::milliseconds;

class Descriptor {
public:
    explicit Descriptor(int value = -1) noexcept : value_{value} {}
    Descriptor(Descriptor&& other) noexcept : value_{other.release()} {}
    Descriptor& operator=(Descriptor&& other) noexcept {
        reset(other.release());
        return *this;
    }
    ~Descriptor() { reset(); }

    [[nodiscard]] int get() const noexcept { return value_; }
    int release() noexcept { return std::exchange(value_, -1); }
    void reset(int value = -1) noexcept {
        if (value_ >= 0) ::close(value_);
        value_ = value;
    }

private:
    int value_;
};

struct Pipe {
    Descriptor read, write;
    Pipe() {
        std::array<int, 2> ends{};
        if (::pipe2(ends.data(), O_CLOEXEC) != 0) throw std::system_error{errno, std::generic_category(), "pipe"};
        read.reset(ends[0]);
        write.reset(ends[1]);
    }
};

std::vector<std::string> environment_of(const ChildOptions& options) {
    auto variables = options.environment;
    for (const char* name : {"PATH", "HOME", "LANG", "ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS", "LSAN_OPTIONS"})
        if (const char* value = std::getenv(name)) variables.emplace(name, value);
    std::vector<std::string> entries;
    for (const auto& [name, value] : variables) entries.push_back(name + "=" + value);
    return entries;
}

std::vector<char*> pointers_to(std::vector<std::string>& texts) {
    std::vector<char*> pointers;
    for (auto& text : texts) pointers.push_back(text.data());
    pointers.push_back(nullptr);
    return pointers;
}

/// The child may leave without reading: then the write must answer EPIPE and not kill the tests.
void write_all(int into, std::string_view text) {
    sigset_t pipe_signal{};
    sigset_t before{};
    sigaddset(&pipe_signal, SIGPIPE);
    ::pthread_sigmask(SIG_BLOCK, &pipe_signal, &before);
    while (!text.empty()) {
        const auto count = ::write(into, text.data(), text.size());
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) break;
        text.remove_prefix(static_cast<std::size_t>(count));
    }
    // One that is pending by now would be delivered as soon as it is let through.
    constexpr timespec kAtOnce{};
    while (::sigtimedwait(&pipe_signal, nullptr, &kAtOnce) > 0) continue;
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

}  // namespace

struct ChildProcess::State {
    pid_t pid = -1;
    Descriptor pid_descriptor;
    Descriptor input;  // open while the child keeps talking with us
    std::optional<ChildEnd> end;
    mutable std::mutex mutex;
    std::string out, err;
    std::vector<std::jthread> threads;

    void gather(Descriptor from, std::string& into) {
        threads.emplace_back([this, from = std::move(from), &into] {
            std::array<char, 16384> buffer{};
            while (true) {
                const auto count = ::read(from.get(), buffer.data(), buffer.size());
                if (count < 0 && errno == EINTR) continue;
                if (count <= 0) return;
                const std::scoped_lock lock{mutex};
                into.append(buffer.data(), static_cast<std::size_t>(count));
            }
        });
    }

    void feed(Descriptor into, std::string text) {
        threads.emplace_back([into = std::move(into), text = std::move(text)] { write_all(into.get(), text); });
    }
};

ChildProcess::ChildProcess(std::vector<std::string> command, ChildOptions options) : state_{std::make_unique<State>()} {
    Pipe in, out, err;
    auto variables = environment_of(options);
    auto arguments = pointers_to(command);
    auto environment = pointers_to(variables);
    const pid_t parent = ::getpid();
    const pid_t pid = ::fork();
    if (pid < 0) throw std::system_error{errno, std::generic_category(), "fork"};
    if (pid == 0) {
        // Between fork and exec only what is safe in a signal handler.
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (::getppid() != parent) ::_exit(127);
        ::dup2(in.read.get(), 0);
        ::dup2(out.write.get(), 1);
        ::dup2(err.write.get(), 2);
        if (!options.directory.empty() && ::chdir(options.directory.c_str()) != 0) ::_exit(127);
        ::execvpe(arguments[0], arguments.data(), environment.data());
        ::_exit(127);
    }
    state_->pid = pid;
    // Debian 12's libc has no wrapper for older kernels' headers; the system call has been there since Linux 5.3.
    state_->pid_descriptor.reset(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
    state_->gather(std::move(out.read), state_->out);
    state_->gather(std::move(err.read), state_->err);
    if (options.keeps_talking) {
        state_->input = std::move(in.write);
        type(options.input);
    } else {
        state_->feed(std::move(in.write), std::move(options.input));
    }
}

ChildProcess::~ChildProcess() {
    if (!state_->end) {
        signal(SIGKILL);
        (void)wait(std::chrono::seconds{30});
    }
}

pid_t ChildProcess::pid() const noexcept { return state_->pid; }

void ChildProcess::signal(int number) noexcept {
    if (!state_->end) ::kill(state_->pid, number);
}

std::optional<ChildEnd> ChildProcess::wait(milliseconds deadline) {
    if (state_->end) return state_->end;
    const auto until = std::chrono::steady_clock::now() + deadline;
    while (true) {
        const auto left = std::chrono::ceil<milliseconds>(until - std::chrono::steady_clock::now());
        pollfd watched{state_->pid_descriptor.get(), POLLIN, 0};
        const int ready = ::poll(&watched, 1, static_cast<int>(std::max<long>(left.count(), 0)));
        if (ready < 0 && errno == EINTR) continue;
        if (ready == 0) return std::nullopt;
        break;
    }
    int status = 0;
    while (::waitpid(state_->pid, &status, 0) < 0 && errno == EINTR) continue;
    state_->end = WIFSIGNALED(status) ? ChildEnd{128 + WTERMSIG(status), true} : ChildEnd{WEXITSTATUS(status), false};
    // The readers end with the last holder of the pipes, which may be a grandchild: tests that start one end it first.
    state_->threads.clear();
    return state_->end;
}

ChildEnd ChildProcess::wait_or_fail(milliseconds deadline) {
    if (const auto end = wait(deadline)) return *end;
    signal(SIGKILL);
    FAIL("the child still ran after " << deadline.count() << " ms; it wrote:\n" << out() << "\n" << err());
    return {};
}

void ChildProcess::type(std::string_view text) { write_all(state_->input.get(), text); }

void ChildProcess::end_input() noexcept { state_->input.reset(); }

std::string ChildProcess::out() const {
    const std::scoped_lock lock{state_->mutex};
    return state_->out;
}

std::string ChildProcess::err() const {
    const std::scoped_lock lock{state_->mutex};
    return state_->err;
}

Finished run_child(std::vector<std::string> command, ChildOptions options, milliseconds deadline) {
    ChildProcess child{std::move(command), std::move(options)};
    const auto end = child.wait_or_fail(deadline);
    return {end.code, child.out(), child.err()};
}

std::string oiabd_path() { return OIAB_BINARY_DIR "/oiabd"; }

}  // namespace oiab::tests
