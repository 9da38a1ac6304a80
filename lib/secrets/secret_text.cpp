#include "secrets/secret_text.hpp"

#include <openssl/crypto.h>

#include <algorithm>
#include <utility>

namespace oiab::secrets {

void wipe(std::string& text) noexcept {
    // The whole capacity: a string that was longer once keeps the rest behind its end.
    text.resize(text.capacity());
    OPENSSL_cleanse(text.data(), text.size());
    text.clear();
}

SecretText::SecretText(std::string_view text) : SecretText{with_size(text.size())} {
    std::ranges::copy(text, bytes_.get());
}

SecretText SecretText::with_size(std::size_t size) {
    SecretText secret;
    secret.bytes_ = std::make_unique<char[]>(size);
    secret.size_ = size;
    return secret;
}

SecretText::SecretText(SecretText&& other) noexcept
    : bytes_{std::move(other.bytes_)}, size_{std::exchange(other.size_, 0)} {}

SecretText& SecretText::operator=(SecretText&& other) noexcept {
    if (this == &other) return *this;
    clear();
    bytes_ = std::move(other.bytes_);
    size_ = std::exchange(other.size_, 0);
    return *this;
}

SecretText::~SecretText() { clear(); }

void SecretText::clear() noexcept {
    if (bytes_) OPENSSL_cleanse(bytes_.get(), size_);
    bytes_.reset();
    size_ = 0;
}

}  // namespace oiab::secrets
