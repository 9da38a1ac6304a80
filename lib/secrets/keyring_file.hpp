#pragma once
/// @file  The file that holds the master keys: one key a line, as base64 or hexadecimal digits; the first one encrypts,
/// all of them decrypt. A file with nothing but one key, also as 32 bytes without any encoding, is the same with one
/// line. Blank lines and lines that begin with # count for nothing. Free functions that block for a small file; any
/// thread.

#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "secrets/box.hpp"
#include "secrets/secret_text.hpp"

namespace oiab::secrets {

/// Who may be able to read the file beside its owner.
enum class FileAccess {
    kOwnerOnly,  ///< nobody: 0600 or 0400, else it is refused
    kAnybody,    ///< not our business: systemd guards the directory of its credentials
};

struct KeyringPlace {
    std::string path;
    FileAccess access = FileAccess::kOwnerOnly;
    bool writable = true;  ///< false: a credential, which whoever provides it must change
};

enum class KeyringTrouble {
    kMissing,  ///< there is no such file
    kRefused,  ///< it may be read by others, is no file, or cannot be read
    kGarbled,  ///< what stands in it are no keys
    kNotABox,  ///< what was to be decrypted is not encrypted in the published form
    kNoKey,    ///< none of the keys fits, or the text was changed
};

/// A sentence without the full stop; never a key, nor a part of one.
struct KeyringError {
    KeyringTrouble trouble = KeyringTrouble::kMissing;
    std::string message;
};

/// At least one key, each once, the writing one first. The error's message does not name the file.
[[nodiscard]] std::expected<std::vector<Key>, KeyringError> parse_keys(std::string_view text);

/// What parse_keys reads: a line of base64 each.
[[nodiscard]] SecretText format_keys(const std::vector<Key>& keys);

/// Reads the file and checks who else may.
[[nodiscard]] std::expected<std::vector<Key>, KeyringError> load_keys(const KeyringPlace& place);

/// Makes the file, with its directory where that is missing (0700). Refuses where there is one already.
[[nodiscard]] std::expected<void, KeyringError> create_keys(const KeyringPlace& place, const std::vector<Key>& keys);

/// The name of the key that replace_keys marked in this file, where it is still there; empty for none.
[[nodiscard]] std::expected<std::string, KeyringError> load_prepared(const KeyringPlace& place);

/// Puts another file in its place at one instant: readers see the old one or the new one, also after a power cut.
/// @param prepared  the name of a key that is to encrypt once all hosts have it; a comment ("# prepared NAME") tells it
[[nodiscard]] std::expected<void, KeyringError> replace_keys(const KeyringPlace& place, const std::vector<Key>& keys,
                                                             std::string_view prepared = {});

}  // namespace oiab::secrets
