#include "daemon/provider_key.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <termios.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#include <string_view>
#include <system_error>

namespace oiab::daemon {
namespace {

using secrets::SecretText;

/// Keys have some hundred characters, Entra tokens some thousand.
constexpr std::size_t kLongestKey = 64U << 10U;

/// What Ctrl-C types.
constexpr char kInterrupt = '\x03';

/// What is typed is not shown while this lives, and Ctrl-C ends the line instead of the program: the terminal would be
/// left without its echo.
class Unseen {
public:
    Unseen() : is_on_{::tcgetattr(STDIN_FILENO, &before_) == 0} {
        if (!is_on_) return;
        auto unseen = before_;
        unseen.c_lflag &= ~static_cast<tcflag_t>(ECHO | ISIG);
        unseen.c_cc[VEOL] = kInterrupt;
        (void)::tcsetattr(STDIN_FILENO, TCSAFLUSH, &unseen);
    }
    Unseen(const Unseen&) = delete;
    Unseen& operator=(const Unseen&) = delete;
    ~Unseen() {
        if (is_on_) (void)::tcsetattr(STDIN_FILENO, TCSAFLUSH, &before_);
    }

private:
    termios before_{};
    bool is_on_;
};

enum class Until { kEndOfFile, kEndOfLine };

/// The key in what was given, without the blanks around it. @throws std::runtime_error where that is none
SecretText one_line(std::string_view text) {
    constexpr std::string_view kBlanks = " \t\r\n";
    text.remove_prefix(std::min(text.find_first_not_of(kBlanks), text.size()));
    text = text.substr(0, text.find_last_not_of(kBlanks) + 1);
    if (text.find_first_of(std::string_view{"\r\n\0", 3}) != std::string_view::npos)
        throw std::runtime_error{"a key is one line; this has several, or a NUL"};
    return SecretText{text};
}

SecretText read_from(int descriptor, Until until) {
    auto buffer = SecretText::with_size(kLongestKey + 1);
    std::size_t size = 0;
    while (size < buffer.size()) {
        const auto got = ::read(descriptor, buffer.data() + size, buffer.size() - size);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) throw std::runtime_error{"cannot read the key: " + std::generic_category().message(errno)};
        if (got == 0) break;
        size += static_cast<std::size_t>(got);
        if (until == Until::kEndOfFile) continue;
        if (buffer.view()[size - 1] == kInterrupt) throw std::runtime_error{"no key was given"};
        if (buffer.view()[size - 1] == '\n') break;
    }
    if (size > kLongestKey) throw std::runtime_error{"that is too long for a key (64 KiB at most)"};
    return one_line(buffer.view().substr(0, size));
}

SecretText read_input(const std::string& provider) {
    if (::isatty(STDIN_FILENO) == 0) return read_from(STDIN_FILENO, Until::kEndOfFile);
    const Unseen unseen;
    std::fputs(fmt::format("Key of {} (it is not shown): ", provider).c_str(), stderr);
    auto key = read_from(STDIN_FILENO, Until::kEndOfLine);
    std::fputs("\n", stderr);
    return key;
}

SecretText read_file(const std::string& path) {
    const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (descriptor < 0)
        throw std::runtime_error{fmt::format("cannot read {}: {}", path, std::generic_category().message(errno))};
    try {
        auto key = read_from(descriptor, Until::kEndOfFile);
        ::close(descriptor);
        return key;
    } catch (const std::runtime_error&) {
        ::close(descriptor);
        throw;
    }
}

SecretText read_environment(const std::string& name) {
    const char* value = std::getenv(name.c_str());
    return value == nullptr ? SecretText{} : one_line(value);
}

}  // namespace

SecretText read_key(KeySource source, const std::string& place, const std::string& provider) {
    SecretText key;
    switch (source) {
        case KeySource::kInput: key = read_input(provider); break;
        case KeySource::kFile: key = read_file(place); break;
        case KeySource::kEnvironment: key = read_environment(place); break;
        case KeySource::kNone: return key;
    }
    if (key.empty())
        throw std::runtime_error{
            fmt::format("no key was given for {}; where the endpoint asks for none, say --no-key", provider)};
    return key;
}

}  // namespace oiab::daemon
