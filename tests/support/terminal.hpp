#pragma once
/// @file  A program under test at a terminal of its own: what a person sees and types. One owner thread; what is shown
/// may be read at any time.

#include <sys/types.h>

#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace oiab::tests {

class Terminal {
public:
    /// Starts the program. The kernel kills it should the starting thread end first. @throws std::system_error
    Terminal(std::vector<std::string> command, std::map<std::string, std::string> environment);
    Terminal(const Terminal&) = delete;
    Terminal& operator=(const Terminal&) = delete;
    ~Terminal();  ///< Kills the program if it still runs, and reaps it.

    /// As if at the keyboard: "\r" is Enter, "\x03" Ctrl-C, "\x04" Ctrl-D.
    void type(std::string_view keys);
    /// Everything that has been shown so far, the echo of what was typed included.
    [[nodiscard]] std::string shown() const;
    /// Whether what is typed is shown.
    [[nodiscard]] bool echoes() const;
    /// Waits for the end. @returns the exit code, or 128 plus the number of the signal that killed it.
    int wait();

private:
    void gather();

    pid_t pid_ = -1;
    int keyboard_ = -1;
    mutable std::mutex mutex_;
    std::string shown_;
    std::jthread reader_;
};

}  // namespace oiab::tests
