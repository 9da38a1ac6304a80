#pragma once
/// @file  A program under test as a child: its output gathered, its end awaited with a deadline. One owner thread; the
/// output may be read at any time.

#include <sys/types.h>

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace oiab::tests {

struct ChildOptions {
    /// The child's variables besides PATH, HOME, LANG and the sanitizers' options; nothing else is inherited.
    std::map<std::string, std::string> environment;
    std::string input;           ///< stdin; afterwards end of file
    bool keeps_talking = false;  ///< more input will be typed: see ChildProcess::type
    std::string directory;       ///< working directory; empty: ours
};

/// How a child ended: `code` is its exit code, or 128 plus the number of the signal that killed it.
struct ChildEnd {
    int code = 0;
    bool killed = false;
};

class ChildProcess {
public:
    /// Starts the program (looked up in PATH where it has no slash). The kernel kills it should the starting thread
    /// end first, so that no test leaves a daemon behind. @throws std::system_error
    explicit ChildProcess(std::vector<std::string> command, ChildOptions options = {});
    ChildProcess(const ChildProcess&) = delete;
    ChildProcess& operator=(const ChildProcess&) = delete;
    ~ChildProcess();  ///< Kills the child if it still runs, and reaps it.

    [[nodiscard]] pid_t pid() const noexcept;
    /// Sends a signal; nothing happens once the child was reaped.
    void signal(int number) noexcept;
    /// Waits for the end. @returns nullopt once the deadline has passed: the child runs on.
    [[nodiscard]] std::optional<ChildEnd> wait(std::chrono::milliseconds deadline);
    /// Waits for the end; on the deadline kills the child and fails the test with its output.
    ChildEnd wait_or_fail(std::chrono::milliseconds deadline = std::chrono::seconds{30});

    /// Writes to the stdin of a child that keeps_talking. A child that has left does not hear it.
    void type(std::string_view text);
    /// Its stdin ends here.
    void end_input() noexcept;

    /// What it has written so far; complete after a successful wait.
    [[nodiscard]] std::string out() const;
    [[nodiscard]] std::string err() const;

private:
    struct State;
    std::unique_ptr<State> state_;
};

struct Finished {
    int code = 0;
    std::string out;
    std::string err;
};

/// Runs the program to its end. Fails the test where that takes longer than the deadline.
[[nodiscard]] Finished run_child(std::vector<std::string> command, ChildOptions options = {},
                                 std::chrono::milliseconds deadline = std::chrono::seconds{30});

/// The built daemon.
[[nodiscard]] std::string oiabd_path();

}  // namespace oiab::tests
