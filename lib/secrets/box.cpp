#include "secrets/box.hpp"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <openssl/sha.h>

#include <algorithm>
#include <limits>
#include <memory>
#include <stdexcept>
#include <vector>

#include "secrets/base64.hpp"

namespace oiab::secrets {
namespace {

constexpr std::string_view kPrefix = "v1:";
/// Keys and tokens have some hundred bytes. The bound keeps lengths within an int, which is what OpenSSL takes.
constexpr std::size_t kLongestSecret = 1U << 20U;

struct FreeContext {
    void operator()(EVP_CIPHER_CTX* context) const noexcept { EVP_CIPHER_CTX_free(context); }
};
using Context = std::unique_ptr<EVP_CIPHER_CTX, FreeContext>;

Context make_context() {
    Context context{EVP_CIPHER_CTX_new()};
    if (!context) throw std::bad_alloc{};
    return context;
}

const unsigned char* unsigned_bytes(std::string_view text) noexcept {
    return reinterpret_cast<const unsigned char*>(text.data());
}

std::string_view view_of(const unsigned char* bytes, std::size_t size) noexcept {
    return {reinterpret_cast<const char*>(bytes), size};
}

void require(int answer) {
    if (answer != 1) throw std::runtime_error{"AES-256-GCM is not available in this OpenSSL"};
}

struct Parts {
    SecretText iv, tag, ciphertext;
};

std::optional<Parts> parts_of(std::string_view sealed) {
    if (!sealed.starts_with(kPrefix)) return std::nullopt;
    sealed.remove_prefix(kPrefix.size());
    const auto first = sealed.find(':');
    const auto second = first == std::string_view::npos ? first : sealed.find(':', first + 1);
    if (second == std::string_view::npos || sealed.size() > 2 * kLongestSecret) return std::nullopt;
    auto iv = read_base64(sealed.substr(0, first));
    auto tag = read_base64(sealed.substr(first + 1, second - first - 1));
    auto ciphertext = read_base64(sealed.substr(second + 1));
    if (!iv || !tag || !ciphertext || iv->size() != kIvBytes || tag->size() != kTagBytes) return std::nullopt;
    return Parts{std::move(*iv), std::move(*tag), std::move(*ciphertext)};
}

}  // namespace

std::optional<Key> Key::from_bytes(std::string_view bytes) {
    if (bytes.size() != kKeyBytes) return std::nullopt;
    Key key;
    std::copy_n(unsigned_bytes(bytes), kKeyBytes, key.bytes_.begin());
    return key;
}

Key Key::make_random() {
    Key key;
    if (RAND_priv_bytes(key.bytes_.data(), static_cast<int>(key.bytes_.size())) != 1)
        throw std::runtime_error{"the system gave no randomness for a key"};
    return key;
}

Key::~Key() { OPENSSL_cleanse(bytes_.data(), bytes_.size()); }

bool Key::operator==(const Key& other) const noexcept {
    return CRYPTO_memcmp(bytes_.data(), other.bytes_.data(), bytes_.size()) == 0;
}

std::string Key::name() const {
    // With words in front, so that the hash is good for nothing else.
    constexpr std::string_view kPurpose = "oiabd keyring: name of a key\n";
    auto text = SecretText::with_size(kPurpose.size() + kKeyBytes);
    std::ranges::copy(bytes(), std::ranges::copy(kPurpose, text.data()).out);
    std::array<unsigned char, SHA256_DIGEST_LENGTH> hash{};
    SHA256(unsigned_bytes(text.view()), text.size(), hash.data());
    constexpr std::string_view kDigits = "0123456789abcdef";
    std::string name;
    for (std::size_t i = 0; i < 4; ++i) {
        name += kDigits[hash[i] >> 4U];
        name += kDigits[hash[i] & 15U];
    }
    return name;
}

std::string seal(const Key& key, std::string_view plain) {
    Iv iv{};
    if (RAND_bytes(iv.data(), static_cast<int>(iv.size())) != 1)
        throw std::runtime_error{"the system gave no randomness to encrypt with"};
    return seal_with(key, iv, plain);
}

std::string seal_with(const Key& key, const Iv& iv, std::string_view plain) {
    if (plain.size() > kLongestSecret) throw std::runtime_error{"a secret may have 1 MiB at most"};
    const auto context = make_context();
    require(EVP_EncryptInit_ex(context.get(), EVP_aes_256_gcm(), nullptr, unsigned_bytes(key.bytes()), iv.data()));
    std::vector<unsigned char> ciphertext(plain.size() + kTagBytes);
    int written = 0;
    if (!plain.empty())
        require(EVP_EncryptUpdate(context.get(), ciphertext.data(), &written, unsigned_bytes(plain),
                                  static_cast<int>(plain.size())));
    int rest = 0;
    require(EVP_EncryptFinal_ex(context.get(), ciphertext.data() + written, &rest));
    std::array<unsigned char, kTagBytes> tag{};
    require(EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_GCM_GET_TAG, kTagBytes, tag.data()));
    return std::string{kPrefix} + to_base64(view_of(iv.data(), iv.size())) + ":" +
           to_base64(view_of(tag.data(), tag.size())) + ":" +
           to_base64(view_of(ciphertext.data(), static_cast<std::size_t>(written + rest)));
}

std::expected<SecretText, BoxError> open(const Key& key, std::string_view sealed) {
    auto parts = parts_of(sealed);
    if (!parts) return std::unexpected{BoxError::kNotABox};
    const auto context = make_context();
    require(EVP_DecryptInit_ex(context.get(), EVP_aes_256_gcm(), nullptr, unsigned_bytes(key.bytes()),
                               unsigned_bytes(parts->iv.view())));
    auto plain = SecretText::with_size(parts->ciphertext.size());
    int written = 0;
    if (!plain.empty())
        require(EVP_DecryptUpdate(context.get(), reinterpret_cast<unsigned char*>(plain.data()), &written,
                                  unsigned_bytes(parts->ciphertext.view()),
                                  static_cast<int>(parts->ciphertext.size())));
    require(EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_GCM_SET_TAG, kTagBytes, parts->tag.data()));
    // GCM writes nothing here, but wants somewhere to write it.
    std::array<unsigned char, kTagBytes> nothing{};
    int rest = 0;
    if (EVP_DecryptFinal_ex(context.get(), nothing.data(), &rest) != 1) return std::unexpected{BoxError::kWrongKey};
    return plain;
}

bool is_box(std::string_view text) { return parts_of(text).has_value(); }

}  // namespace oiab::secrets
