#pragma once
/// @file  The keys of this process, read when they are first needed and again when their file has changed, so that a
/// rotation needs no restart. Thread-safe. A call may read a small local file, which is why nothing else waits for it.

#include <expected>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "secrets/keyring_file.hpp"

namespace oiab::secrets {

class Keyring {
public:
    explicit Keyring(KeyringPlace place);  ///< Reads nothing.
    Keyring(const Keyring&) = delete;
    Keyring& operator=(const Keyring&) = delete;

    /// Decrypts with whichever key fits. Where none does, the file is read again first.
    [[nodiscard]] std::expected<SecretText, KeyringError> open(std::string_view sealed);

    /// Encrypts with the first key.
    [[nodiscard]] std::expected<std::string, KeyringError> seal(std::string_view plain);

    /// The keys as the file has them now, the writing one first.
    [[nodiscard]] std::expected<std::vector<Key>, KeyringError> keys();

    [[nodiscard]] const KeyringPlace& place() const noexcept { return place_; }

private:
    /// What tells one state of the file from another.
    struct Stamp {
        std::uint64_t device = 0, inode = 0;
        std::int64_t size = -1, seconds = 0, nanoseconds = 0;
        bool operator==(const Stamp&) const = default;
    };
    using Keys = std::shared_ptr<const std::vector<Key>>;
    enum class Reading { kIfChanged, kAlways };

    [[nodiscard]] std::expected<Keys, KeyringError> current(Reading reading);
    [[nodiscard]] Stamp stamp() const;

    const KeyringPlace place_;
    std::mutex mutex_;
    Stamp read_at_;
    Keys keys_;
};

}  // namespace oiab::secrets
