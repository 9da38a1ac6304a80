#pragma once
/// @file  A program that runs one attempt: started, watched and ended without disturbing any other child of this
/// process. One owner; not thread-safe.

#include <sys/types.h>

#include <expected>
#include <string>
#include <vector>

namespace oiab::plugin {

/// A file descriptor, closed with its owner. Move-only.
class Descriptor {
public:
    Descriptor() = default;
    explicit Descriptor(int number) noexcept : number_{number} {}
    Descriptor(Descriptor&& other) noexcept : number_{other.release()} {}
    Descriptor& operator=(Descriptor&& other) noexcept;
    ~Descriptor();

    [[nodiscard]] int get() const noexcept { return number_; }
    [[nodiscard]] bool is_open() const noexcept { return number_ >= 0; }
    int release() noexcept;
    void close() noexcept;

private:
    int number_ = -1;
};

struct ChildSettings {
    std::vector<std::string> command;      ///< the program's path, then its arguments
    std::vector<std::string> environment;  ///< "NAME=value": all that the program sees
    std::string directory;                 ///< working directory; empty: ours
    std::string input;                     ///< what stdin holds
};

struct ChildEnd {
    bool exited = false;  ///< otherwise killed by a signal
    int code = 0;         ///< exit code or signal number; -1 where the system does not tell
};

/// The program leads a process group of its own; it gets default signals, no descriptor but 0 to 3, and SIGKILL should
/// the thread that started it end before it.
class Child {
public:
    /// Forks and executes. Takes as long as a fork; an exec that fails shows as exit code 127 with the reason on
    /// stderr.
    /// @returns what the system refused.
    [[nodiscard]] static std::expected<Child, std::string> start(const ChildSettings& settings);
    Child(Child&& other) noexcept;
    Child& operator=(Child&&) = delete;
    ~Child();  ///< Kills the group and reaps the child where that has not happened.

    /// Readable ends: what it writes to descriptor 3, and to stdout and stderr. Non-blocking.
    [[nodiscard]] Descriptor& messages() noexcept { return messages_; }
    [[nodiscard]] Descriptor& output() noexcept { return output_; }
    /// Readable once the child has ended.
    [[nodiscard]] const Descriptor& ended() const noexcept { return pidfd_; }

    /// To the whole process group, and to the program itself where it has left that; SIGKILL always to both.
    void signal_group(int number) const noexcept;
    /// After ended() has become readable: kills what is left of the group, and reaps. Never waits for a live child.
    [[nodiscard]] ChildEnd reap() noexcept;

private:
    Child() = default;

    Descriptor messages_;
    Descriptor output_;
    Descriptor pidfd_;
    pid_t pid_ = -1;
};

}  // namespace oiab::plugin
