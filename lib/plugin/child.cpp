#include "plugin/child.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <utility>

namespace oiab::plugin {
namespace {

constexpr int kMessages = 3;  // the child's number for its messages
constexpr int kCannotExecute = 127;

std::string system_error(const char* what) { return std::string{what} + ": " + std::strerror(errno); }

bool open_pipe(Descriptor& reader, Descriptor& writer) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) return false;
    reader = Descriptor{ends[0]};
    writer = Descriptor{ends[1]};
    return fcntl(ends[0], F_SETFL, O_NONBLOCK) == 0;
}

/// A file in memory that holds the text: unlike a pipe it takes any size at once, and a program that does not read it
/// stops nobody.
Descriptor file_with(const std::string& text) {
    Descriptor file{memfd_create("oiab-job", MFD_CLOEXEC)};
    std::size_t done = 0;
    while (file.is_open() && done < text.size()) {
        const ssize_t written = pwrite(file.get(), text.data() + done, text.size() - done, static_cast<off_t>(done));
        if (written < 0 && errno == EINTR) continue;
        if (written <= 0) return {};
        done += static_cast<std::size_t>(written);
    }
    return file;
}

std::vector<char*> pointers_to(const std::vector<std::string>& texts) {
    std::vector<char*> pointers;
    pointers.reserve(texts.size() + 1);
    for (const std::string& text : texts) pointers.push_back(const_cast<char*>(text.c_str()));
    pointers.push_back(nullptr);
    return pointers;
}

// Between fork and exec only async-signal-safe calls are allowed: no allocation, no locks, no C++ library.

[[noreturn]] void fail_in_child(const char* what) noexcept {
    const char* const reason = strerrordesc_np(errno);
    for (const char* text : {what, ": ", reason == nullptr ? "unknown error" : reason, "\n"}) {
        static_cast<void>(!write(STDERR_FILENO, text, strlen(text)));
    }
    _exit(kCannotExecute);
}

void reset_signals() noexcept {
    struct sigaction standard{};
    standard.sa_handler = SIG_DFL;
    for (int number = 1; number < NSIG; ++number) sigaction(number, &standard, nullptr);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, nullptr);
}

void close_from(unsigned first) noexcept {
    if (syscall(SYS_close_range, first, ~0U, 0) == 0) return;
    rlimit limit{};  // a kernel before 5.9
    const bool known = getrlimit(RLIMIT_NOFILE, &limit) == 0;
    const auto end = known && limit.rlim_cur < 65'536 ? static_cast<unsigned>(limit.rlim_cur) : 65'536U;
    for (unsigned number = first; number < end; ++number) close(static_cast<int>(number));
}

struct ChildFiles {
    int input;
    int output;
    int messages;
};

[[noreturn]] void become(char* const* command, char* const* environment, const char* directory, ChildFiles files,
                         pid_t parent) noexcept {
    setpgid(0, 0);
    // Moved up first, so that none of them is overwritten while the low numbers are filled.
    constexpr int kOutOfTheWay = 10;
    const int input = fcntl(files.input, F_DUPFD, kOutOfTheWay);
    const int output = fcntl(files.output, F_DUPFD, kOutOfTheWay);
    const int messages = fcntl(files.messages, F_DUPFD, kOutOfTheWay);
    dup2(output, STDERR_FILENO);
    if (input < 0 || output < 0 || messages < 0 || dup2(input, STDIN_FILENO) < 0 || dup2(output, STDOUT_FILENO) < 0 ||
        dup2(messages, kMessages) < 0) {
        fail_in_child("cannot lay out the descriptors");
    }
    close_from(kMessages + 1);
    reset_signals();
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(kCannotExecute);  // it went in the meantime
    if (*directory != '\0' && chdir(directory) != 0) fail_in_child("cannot enter the working directory");
    execve(command[0], command, environment);
    fail_in_child("cannot execute the program");
}

}  // namespace

Descriptor& Descriptor::operator=(Descriptor&& other) noexcept {
    if (this != &other) {
        close();
        number_ = other.release();
    }
    return *this;
}

Descriptor::~Descriptor() { close(); }

int Descriptor::release() noexcept { return std::exchange(number_, -1); }

void Descriptor::close() noexcept {
    if (number_ >= 0) ::close(std::exchange(number_, -1));
}

std::expected<Child, std::string> Child::start(const ChildSettings& settings) {
    Child child;
    Descriptor their_output;
    Descriptor their_messages;
    const Descriptor input = file_with(settings.input);
    if (!input.is_open()) return std::unexpected{system_error("no memory for the job's document")};
    if (!open_pipe(child.output_, their_output) || !open_pipe(child.messages_, their_messages)) {
        return std::unexpected{system_error("no pipes")};
    }
    const auto command = pointers_to(settings.command);
    const auto environment = pointers_to(settings.environment);
    const ChildFiles files{input.get(), their_output.get(), their_messages.get()};
    const pid_t parent = getpid();
    const pid_t pid = fork();
    if (pid < 0) return std::unexpected{system_error("cannot fork")};
    if (pid == 0) become(command.data(), environment.data(), settings.directory.c_str(), files, parent);
    child.pid_ = pid;
    setpgid(pid, pid);  // whoever of us comes first
    child.pidfd_ = Descriptor{static_cast<int>(syscall(SYS_pidfd_open, pid, 0))};
    if (!child.pidfd_.is_open()) return std::unexpected{system_error("no descriptor for the process")};
    return child;
}

Child::Child(Child&& other) noexcept
    : messages_{std::move(other.messages_)},
      output_{std::move(other.output_)},
      pidfd_{std::move(other.pidfd_)},
      pid_{std::exchange(other.pid_, -1)} {}

Child::~Child() {
    if (pid_ <= 0) return;
    signal_group(SIGKILL);
    waitpid(pid_, nullptr, 0);
}

void Child::signal_group(int number) const noexcept {
    if (pid_ <= 0) return;
    // A program may have left its group for another one; it is ours by its own number all the same until it is reaped.
    const bool no_group = kill(-pid_, number) != 0;
    if (no_group || number == SIGKILL) kill(pid_, number);
}

ChildEnd Child::reap() noexcept {
    // Until it is reaped its number cannot belong to anybody else, so the group is still ours.
    signal_group(SIGKILL);
    siginfo_t info{};
    const int answer = waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED);
    pid_ = -1;
    if (answer != 0) return {true, -1};  // somebody else has reaped it
    return {info.si_code == CLD_EXITED, info.si_status};
}

}  // namespace oiab::plugin
