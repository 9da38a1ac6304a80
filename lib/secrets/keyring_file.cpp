#include "secrets/keyring_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <system_error>
#include <utility>

#include "secrets/base64.hpp"

namespace oiab::secrets {
namespace {

/// A key takes 44 characters; whoever needs more than a hundred has mistaken another file for this one.
constexpr std::size_t kLargestFile = 16U << 10U;

/// In front of the name of a key that waits for its promotion. To parse_keys it is a comment.
constexpr std::string_view kPreparedMark = "# prepared ";

class Descriptor {
public:
    explicit Descriptor(int number) noexcept : number_{number} {}
    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;
    ~Descriptor() {
        if (number_ >= 0) ::close(number_);
    }
    [[nodiscard]] int get() const noexcept { return number_; }
    [[nodiscard]] explicit operator bool() const noexcept { return number_ >= 0; }

private:
    int number_;
};

std::unexpected<KeyringError> trouble(KeyringTrouble kind, std::string message) {
    return std::unexpected{KeyringError{kind, std::move(message)}};
}

std::string reason(int error) { return std::error_code{error, std::generic_category()}.message(); }

std::string_view trimmed(std::string_view line) {
    const auto blank = [](char c) { return c == ' ' || c == '\t' || c == '\r'; };
    while (!line.empty() && blank(line.front())) line.remove_prefix(1);
    while (!line.empty() && blank(line.back())) line.remove_suffix(1);
    return line;
}

std::optional<Key> read_key(std::string_view line) {
    if (line.size() == 2 * kKeyBytes)
        if (const auto bytes = read_hex(line)) return Key::from_bytes(bytes->view());
    const auto bytes = read_base64(line);
    return bytes ? Key::from_bytes(bytes->view()) : std::nullopt;
}

bool write_all(int descriptor, std::string_view text) {
    while (!text.empty()) {
        const auto written = ::write(descriptor, text.data(), text.size());
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) return false;
        text.remove_prefix(static_cast<std::size_t>(written));
    }
    return ::fsync(descriptor) == 0;
}

std::expected<void, KeyringError> cannot_write(const std::string& path, int error) {
    return trouble(KeyringTrouble::kRefused, fmt::format("cannot write the keyring {}: {}", path, reason(error)));
}

/// Without this a power cut may take the new name back.
void sync_directory(const std::filesystem::path& directory) {
    const Descriptor opened{::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
    if (opened) (void)::fsync(opened.get());
}

std::filesystem::path directory_of(const std::string& path) {
    auto directory = std::filesystem::path{path}.parent_path();
    return directory.empty() ? std::filesystem::path{"."} : directory;
}

/// The whole file, where nobody may read it who should not.
std::expected<SecretText, KeyringError> read_file(const KeyringPlace& place) {
    const Descriptor file{::open(place.path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
    if (!file && errno == ENOENT)
        return trouble(KeyringTrouble::kMissing,
                       fmt::format("there is no keyring {}; `oiabd keyring init` makes one", place.path));
    if (!file)
        return trouble(KeyringTrouble::kRefused,
                       fmt::format("cannot read the keyring {}: {}", place.path, reason(errno)));
    struct stat status{};
    if (::fstat(file.get(), &status) != 0 || !S_ISREG(status.st_mode))
        return trouble(KeyringTrouble::kRefused, fmt::format("the keyring {} is no file", place.path));
    if (place.access == FileAccess::kOwnerOnly) {
        const unsigned mode = status.st_mode & 0777U;
        if ((mode & 0077U) != 0)
            return trouble(KeyringTrouble::kRefused,
                           fmt::format("the keyring {} can be read or written by others (mode {:04o}), so it is not "
                                       "used; `chmod 600` it, and rotate its keys if anybody may have seen them",
                                       place.path, mode));
        if (status.st_uid != ::geteuid() && status.st_uid != 0)
            return trouble(KeyringTrouble::kRefused,
                           fmt::format("the keyring {} belongs to another user, so it is not used", place.path));
    }
    auto text = SecretText::with_size(kLargestFile + 1);
    std::size_t size = 0;
    while (size < text.size()) {
        const auto got = ::read(file.get(), text.data() + size, text.size() - size);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0)
            return trouble(KeyringTrouble::kRefused,
                           fmt::format("cannot read the keyring {}: {}", place.path, reason(errno)));
        if (got == 0) break;
        size += static_cast<std::size_t>(got);
    }
    if (size > kLargestFile)
        return trouble(KeyringTrouble::kGarbled, fmt::format("{} is too large for a keyring", place.path));
    return SecretText{text.view().substr(0, size)};
}

}  // namespace

std::expected<std::vector<Key>, KeyringError> parse_keys(std::string_view text) {
    std::vector<Key> keys;
    if (auto raw = Key::from_bytes(text)) {
        // 32 characters that happen to be text are no encoding of 32 bytes, so this cannot be mistaken.
        keys.push_back(std::move(*raw));
        return keys;
    }
    for (int number = 1; !text.empty(); ++number) {
        const auto end = std::min(text.find('\n'), text.size());
        const auto line = trimmed(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
        if (line.empty() || line.starts_with('#')) continue;
        auto key = read_key(line);
        if (!key)
            return trouble(
                KeyringTrouble::kGarbled,
                fmt::format("line {} is no key: a key is 32 bytes, as base64 or as 64 hexadecimal digits", number));
        if (std::ranges::find(keys, *key) == keys.end()) keys.push_back(std::move(*key));
    }
    if (keys.empty()) return trouble(KeyringTrouble::kGarbled, "there is no key in it");
    return keys;
}

SecretText format_keys(const std::vector<Key>& keys) {
    auto text = SecretText::with_size(keys.size() * ((kKeyBytes + 2) / 3 * 4 + 1));
    auto* to = text.data();
    for (const auto& key : keys) {
        auto line = to_base64(key.bytes());
        to = std::ranges::copy(line, to).out;
        *to++ = '\n';
        wipe(line);
    }
    return text;
}

std::expected<std::vector<Key>, KeyringError> load_keys(const KeyringPlace& place) {
    const auto text = read_file(place);
    if (!text) return std::unexpected{text.error()};
    auto keys = parse_keys(text->view());
    if (!keys)
        return trouble(keys.error().trouble, fmt::format("the keyring {}: {}", place.path, keys.error().message));
    return keys;
}

std::expected<std::string, KeyringError> load_prepared(const KeyringPlace& place) {
    const auto text = read_file(place);
    if (!text) return std::unexpected{text.error()};
    const auto keys = parse_keys(text->view());
    if (!keys) return std::string{};
    for (auto left = text->view(); !left.empty();) {
        const auto end = std::min(left.find('\n'), left.size());
        const auto line = trimmed(left.substr(0, end));
        left.remove_prefix(std::min(end + 1, left.size()));
        if (!line.starts_with(kPreparedMark)) continue;
        std::string name{trimmed(line.substr(kPreparedMark.size()))};
        if (std::ranges::find(*keys, name, &Key::name) != keys->end()) return name;
    }
    return std::string{};
}

std::expected<void, KeyringError> create_keys(const KeyringPlace& place, const std::vector<Key>& keys) {
    const auto directory = directory_of(place.path);
    std::error_code error;
    const bool made = std::filesystem::create_directories(directory, error);
    if (error) return cannot_write(place.path, error.value());
    if (made) std::filesystem::permissions(directory, std::filesystem::perms::owner_all, error);
    const Descriptor file{::open(place.path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600)};
    if (!file && errno == EEXIST)
        return trouble(KeyringTrouble::kRefused,
                       fmt::format("there is a keyring already, {}; without its keys everything that they encrypted is "
                                   "lost, so it stays (`oiabd keyring rotate` changes the key)",
                                   place.path));
    if (!file) return cannot_write(place.path, errno);
    const auto text = format_keys(keys);
    if (!write_all(file.get(), text.view())) {
        const int why = errno;
        ::unlink(place.path.c_str());
        return cannot_write(place.path, why);
    }
    sync_directory(directory);
    return {};
}

std::expected<void, KeyringError> replace_keys(const KeyringPlace& place, const std::vector<Key>& keys,
                                               std::string_view prepared) {
    if (!place.writable)
        return trouble(KeyringTrouble::kRefused,
                       fmt::format("the keyring {} is a credential of the service manager, which this program cannot "
                                   "change; change its source, with the new key in the first line and the old one in "
                                   "the second",
                                   place.path));
    // Where it is a link, the file it points to is the one to replace.
    std::error_code error;
    auto target = std::filesystem::canonical(place.path, error);
    if (error) return cannot_write(place.path, error.value());
    std::string temporary = target.string() + ".XXXXXX";
    const Descriptor file{::mkostemp(temporary.data(), O_CLOEXEC)};  // 0600
    if (!file) return cannot_write(place.path, errno);
    const auto text = format_keys(keys);
    const std::string mark = prepared.empty() ? std::string{} : fmt::format("{}{}\n", kPreparedMark, prepared);
    // Run by root for a service with a user of its own, the file must stay that one's.
    struct stat status{};
    const bool same_owner = ::stat(target.c_str(), &status) == 0 &&
                            (status.st_uid == ::geteuid() || ::fchown(file.get(), status.st_uid, status.st_gid) == 0);
    if (!same_owner || !write_all(file.get(), text.view()) || !write_all(file.get(), mark) ||
        ::rename(temporary.c_str(), target.c_str()) != 0) {
        const int why = errno;
        ::unlink(temporary.c_str());
        return cannot_write(place.path, why);
    }
    sync_directory(directory_of(target.string()));
    return {};
}

}  // namespace oiab::secrets
