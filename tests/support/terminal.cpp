#include "support/terminal.hpp"

#include <fcntl.h>
#include <pty.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <system_error>
#include <utility>

namespace oiab::tests {
namespace {

std::vector<char*> pointers_to(std::vector<std::string>& texts) {
    std::vector<char*> pointers;
    for (auto& text : texts) pointers.push_back(text.data());
    pointers.push_back(nullptr);
    return pointers;
}

}  // namespace

Terminal::Terminal(std::vector<std::string> command, std::map<std::string, std::string> environment) {
    for (const char* name : {"PATH", "HOME", "LANG", "ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS", "LSAN_OPTIONS"})
        if (const char* value = std::getenv(name)) environment.emplace(name, value);
    environment.emplace("TERM", "dumb");
    std::vector<std::string> entries;
    for (const auto& [name, value] : environment) entries.push_back(name + "=" + value);
    auto arguments = pointers_to(command);
    auto variables = pointers_to(entries);
    pid_ = ::forkpty(&keyboard_, nullptr, nullptr, nullptr);
    if (pid_ < 0) throw std::system_error{errno, std::generic_category(), "forkpty"};
    if (pid_ == 0) {
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);
        ::execvpe(arguments.front(), arguments.data(), variables.data());
        ::_exit(127);
    }
    ::fcntl(keyboard_, F_SETFD, FD_CLOEXEC);
    reader_ = std::jthread{[this] { gather(); }};
}

Terminal::~Terminal() {
    if (pid_ > 0) {
        ::kill(pid_, SIGKILL);
        ::waitpid(pid_, nullptr, 0);
    }
    if (reader_.joinable()) reader_.join();
    ::close(keyboard_);
}

/// Ends when the program has left the terminal: reading it then fails.
void Terminal::gather() {
    std::array<char, 4096> buffer{};
    while (true) {
        const auto count = ::read(keyboard_, buffer.data(), buffer.size());
        if (count < 0 && errno == EINTR) continue;
        if (count <= 0) return;
        const std::scoped_lock lock{mutex_};
        shown_.append(buffer.data(), static_cast<std::size_t>(count));
    }
}

void Terminal::type(std::string_view keys) {
    while (!keys.empty()) {
        const auto count = ::write(keyboard_, keys.data(), keys.size());
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) throw std::system_error{errno, std::generic_category(), "typing"};
        keys.remove_prefix(static_cast<std::size_t>(count));
    }
}

std::string Terminal::shown() const {
    const std::scoped_lock lock{mutex_};
    return shown_;
}

bool Terminal::echoes() const {
    termios settings{};
    if (::tcgetattr(keyboard_, &settings) != 0) throw std::system_error{errno, std::generic_category(), "tcgetattr"};
    return (settings.c_lflag & ECHO) != 0;
}

int Terminal::wait() {
    int status = 0;
    while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) continue;
    pid_ = -1;
    reader_.join();
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

}  // namespace oiab::tests
