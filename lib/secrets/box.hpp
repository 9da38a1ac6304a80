#pragma once
/// @file  One secret as it stands in the database: `v1:<12-byte IV base64>:<tag base64>:<ciphertext base64>`,
/// AES-256-GCM without associated data. Pure but for the random IV; any thread.

#include <array>
#include <cstddef>
#include <expected>
#include <optional>
#include <string>
#include <string_view>

#include "secrets/secret_text.hpp"

namespace oiab::secrets {

inline constexpr std::size_t kKeyBytes = 32;
inline constexpr std::size_t kIvBytes = 12;
inline constexpr std::size_t kTagBytes = 16;

/// A master key. Wiped when it is destroyed; never printed, only its name is.
class Key {
public:
    /// @param bytes  exactly kKeyBytes, or nullopt is the answer
    [[nodiscard]] static std::optional<Key> from_bytes(std::string_view bytes);
    /// From the system's generator. @throws std::runtime_error where that one fails
    [[nodiscard]] static Key make_random();

    Key(const Key&) = default;
    Key& operator=(const Key&) = default;
    ~Key();

    [[nodiscard]] std::string_view bytes() const noexcept {
        return {reinterpret_cast<const char*>(bytes_.data()), bytes_.size()};
    }
    /// What people and logs are told instead of the key: eight hexadecimal digits of a hash of it.
    [[nodiscard]] std::string name() const;
    [[nodiscard]] bool operator==(const Key& other) const noexcept;

private:
    Key() = default;
    std::array<unsigned char, kKeyBytes> bytes_{};
};

using Iv = std::array<unsigned char, kIvBytes>;

/// Encrypts under a fresh random IV. @throws std::runtime_error where the system has no randomness
[[nodiscard]] std::string seal(const Key& key, std::string_view plain);
/// The same under a given IV, which must never serve twice with one key: for known answers in tests.
[[nodiscard]] std::string seal_with(const Key& key, const Iv& iv, std::string_view plain);

enum class BoxError {
    kNotABox,   ///< not of the form above
    kWrongKey,  ///< of that form, but sealed by another key, or changed since: the tag does not tell which
};

[[nodiscard]] std::expected<SecretText, BoxError> open(const Key& key, std::string_view sealed);

/// Whether the text has the form of a box, whoever sealed it.
[[nodiscard]] bool is_box(std::string_view text);

}  // namespace oiab::secrets
