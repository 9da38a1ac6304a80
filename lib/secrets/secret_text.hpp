#pragma once
/// @file  Text that is wiped from memory when it is no longer needed: keys of providers, webhook secrets. For whoever
/// decrypts one for a call. A value of one thread.

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

namespace oiab::secrets {

/// Overwrites the characters, which the compiler cannot leave out, and empties the string.
void wipe(std::string& text) noexcept;

/// Move-only: a copy is somebody's decision, made by name (view). There is no way to print one.
class SecretText {
public:
    SecretText() = default;
    explicit SecretText(std::string_view text);
    SecretText(SecretText&& other) noexcept;
    SecretText& operator=(SecretText&& other) noexcept;
    SecretText(const SecretText&) = delete;
    SecretText& operator=(const SecretText&) = delete;
    ~SecretText();

    /// Room for `size` bytes, zeroed, to be filled through data().
    [[nodiscard]] static SecretText with_size(std::size_t size);

    [[nodiscard]] std::string_view view() const noexcept { return {bytes_.get(), size_}; }
    [[nodiscard]] char* data() noexcept { return bytes_.get(); }
    [[nodiscard]] std::size_t size() const noexcept { return size_; }
    [[nodiscard]] bool empty() const noexcept { return size_ == 0; }

private:
    void clear() noexcept;

    // Not a std::string: moving a short one leaves its characters behind.
    std::unique_ptr<char[]> bytes_;
    std::size_t size_ = 0;
};

}  // namespace oiab::secrets
