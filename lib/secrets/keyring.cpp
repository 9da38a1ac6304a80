#include "secrets/keyring.hpp"

#include <sys/stat.h>

#include <cstdint>
#include <utility>

namespace oiab::secrets {

Keyring::Keyring(KeyringPlace place) : place_{std::move(place)} {}

std::expected<SecretText, KeyringError> Keyring::open(std::string_view sealed) {
    if (!is_box(sealed))
        return std::unexpected{
            KeyringError{KeyringTrouble::kNotABox, "it is not encrypted in the form v1:iv:tag:ciphertext"}};
    for (const auto reading : {Reading::kIfChanged, Reading::kAlways}) {
        const auto keys = current(reading);
        if (!keys) return std::unexpected{keys.error()};
        for (const auto& key : **keys)
            if (auto plain = secrets::open(key, sealed)) return std::move(*plain);
    }
    return std::unexpected{
        KeyringError{KeyringTrouble::kNoKey, "no key of the keyring " + place_.path + " fits it, or it was changed"}};
}

std::expected<std::string, KeyringError> Keyring::seal(std::string_view plain) {
    const auto keys = current(Reading::kIfChanged);
    if (!keys) return std::unexpected{keys.error()};
    return secrets::seal((*keys)->front(), plain);
}

std::expected<std::vector<Key>, KeyringError> Keyring::keys() {
    const auto keys = current(Reading::kIfChanged);
    if (!keys) return std::unexpected{keys.error()};
    return **keys;
}

std::expected<Keyring::Keys, KeyringError> Keyring::current(Reading reading) {
    const std::scoped_lock lock{mutex_};
    const auto now = stamp();
    if (keys_ && reading == Reading::kIfChanged && now == read_at_) return keys_;
    auto read = load_keys(place_);
    if (!read) {
        // A key that was read once stays good while an operator mends the file; a new process would refuse to start
        // with it.
        if (keys_) return keys_;
        return std::unexpected{read.error()};
    }
    keys_ = std::make_shared<const std::vector<Key>>(std::move(*read));
    // Taken before reading: a change in between is seen next time.
    read_at_ = now;
    return keys_;
}

Keyring::Stamp Keyring::stamp() const {
    struct stat status{};
    if (::stat(place_.path.c_str(), &status) != 0) return {};
    return {static_cast<std::uint64_t>(status.st_dev), static_cast<std::uint64_t>(status.st_ino),
            static_cast<std::int64_t>(status.st_size), static_cast<std::int64_t>(status.st_mtim.tv_sec),
            static_cast<std::int64_t>(status.st_mtim.tv_nsec)};
}

}  // namespace oiab::secrets
