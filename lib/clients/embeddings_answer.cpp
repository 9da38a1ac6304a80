#include "clients/embeddings_answer.hpp"

#include <openssl/evp.h>

#include <algorithm>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstring>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>

#include "clients/embeddings.hpp"
#include "clients/number_arrays.hpp"
#include "clients/utf8.hpp"
#include "core/json_text.hpp"

namespace oiab::clients {
namespace {

using nlohmann::json;

static_assert(sizeof(float) == 4 && std::endian::native == std::endian::little,
              "vectors come as little-endian floats of four bytes");

struct Item {
    std::vector<float> values;
    std::size_t length = 0;  ///< also of what is too long to be kept
    std::optional<std::size_t> place;
    bool numbers_only = true;
};

/// @returns false where it is no base64 of whole floats
bool read_base64_floats(const std::string& text, Item& item) {
    if (text.size() % 4 != 0) return false;
    std::vector<unsigned char> bytes(text.size() / 4 * 3 + 1);
    const int decoded = EVP_DecodeBlock(bytes.data(), reinterpret_cast<const unsigned char*>(text.data()),
                                        static_cast<int>(text.size()));
    if (decoded < 0) return false;
    std::size_t size = static_cast<std::size_t>(decoded);
    // What stands for the padding is counted by OpenSSL.
    for (auto last = text.rbegin(); last != text.rend() && *last == '=' && size > 0; ++last) --size;
    if (size % sizeof(float) != 0) return false;
    item.length = size / sizeof(float);
    item.values.resize(std::min(item.length, kEmbeddingDimensions));
    if (!item.values.empty()) std::memcpy(item.values.data(), bytes.data(), item.values.size() * sizeof(float));
    return true;
}

/// Where the reader is: {"data": [{"embedding": [ … ], "index": …}], "usage": { … }}
class Reader final : public nlohmann::json_sax<json> {
public:
    /// @param arrays  that were taken out of the text
    Reader(std::size_t count, std::vector<NumberArray> arrays) : count_{count}, arrays_{std::move(arrays)} {}

    std::vector<Item> items;
    bool is_object = false;
    bool has_list = false;
    bool too_many = false;
    bool has_error = false;  ///< the provider tells of an error in the place of an answer
    json usage = json::object();

    bool null() override { return other(Kind::kNull); }
    bool boolean(bool) override { return other(); }
    bool number_integer(number_integer_t number) override { return any_number(number); }
    bool number_unsigned(number_unsigned_t number) override {
        if (depth_ == 3 && in_item_ && key_ == "index") items.back().place = static_cast<std::size_t>(number);
        return any_number(number);
    }
    bool number_float(number_float_t number, const string_t&) override { return any_number(number); }
    bool string(string_t& text) override {
        if (depth_ == 3 && in_item_ && key_ == "embedding") {
            Item& item = items.back();
            item.numbers_only = text.starts_with('#') ? put_back(text, item) : read_base64_floats(text, item);
            return true;
        }
        return other();
    }
    bool binary(binary_t&) override { return false; }  // JSON has none

    bool start_object(std::size_t) override {
        if (depth_ == 0) is_object = true;
        (void)other();
        ++depth_;
        if (depth_ == 3 && in_list_) {
            if (items.size() == count_) {
                too_many = true;
            } else {
                in_item_ = true;
                items.emplace_back();
            }
        }
        in_usage_ = in_usage_ || (depth_ == 2 && !in_list_ && key_ == "usage");
        return bounded();
    }
    bool key(string_t& name) override {
        if (depth_ <= 3) key_ = name;
        return true;
    }
    bool end_object() override { return leave(); }

    bool start_array(std::size_t) override {
        if (depth_ == 3 && in_item_ && key_ == "embedding") {
            in_vector_ = true;
            Item& item = items.back();
            item = Item{{}, 0, item.place, true};
            item.values.reserve(kEmbeddingDimensions);
        } else {
            (void)other();
        }
        ++depth_;
        if (depth_ == 2 && is_object && key_ == "data") in_list_ = has_list = true;
        return bounded();
    }
    bool end_array() override { return leave(); }

    bool parse_error(std::size_t, const std::string&, const nlohmann::detail::exception&) override { return false; }

private:
    enum class Kind { kNull, kOther };

    template <typename Number>
    bool any_number(Number number) {
        if (in_vector_ && depth_ == 4) {
            Item& item = items.back();
            const auto narrowed = static_cast<float>(number);
            if (!std::isfinite(narrowed)) item.numbers_only = false;
            if (++item.length <= kEmbeddingDimensions) item.values.push_back(narrowed);
            return true;
        }
        if (in_usage_ && depth_ == 2) usage[key_] = number;
        return other();
    }

    /// @returns false where it stands for no array; no base64 looks like that
    bool put_back(const std::string& mark, Item& item) {
        std::size_t number = 0;
        const char* const end = mark.data() + mark.size();
        const auto [stop, error] = std::from_chars(mark.data() + 1, end, number);
        if (error != std::errc{} || stop != end || number >= arrays_.size()) return false;
        NumberArray array = std::exchange(arrays_[number], {});
        item.values = std::move(array.values);
        item.length = array.length;
        return true;
    }

    /// A value that is nothing we look for: bad where numbers belong.
    bool other(Kind kind = Kind::kOther) {
        if (in_vector_ && depth_ == 4) items.back().numbers_only = false;
        if (depth_ == 1 && is_object && key_ == "error" && kind != Kind::kNull) has_error = true;
        return true;
    }

    bool leave() {
        if (depth_ == 4) in_vector_ = false;
        if (depth_ == 3) in_item_ = false;
        if (depth_ == 2) in_list_ = in_usage_ = false;
        --depth_;
        return true;
    }
    [[nodiscard]] bool bounded() const { return depth_ <= core::kMaxJsonDepth; }

    const std::size_t count_;
    std::vector<NumberArray> arrays_;
    std::size_t depth_ = 0;
    std::string key_;  ///< the latest of the first three levels
    bool in_list_ = false;
    bool in_item_ = false;
    bool in_vector_ = false;
    bool in_usage_ = false;
};

std::optional<Reader> parse_valid(std::string_view body, std::size_t count) {
    auto [rest, arrays] = take_embedding_arrays(body, count, kEmbeddingDimensions);
    std::optional<Reader> reader{std::in_place, count, std::move(arrays)};
    if (!json::sax_parse(rest, &*reader)) reader.reset();
    return reader;
}

std::optional<Reader> parse(std::string_view body, std::size_t count) {
    if (auto reader = parse_valid(body, count)) return reader;
    // Providers cut characters in two now and then; nothing of that touches a vector.
    return parse_valid(core::with_storable_escapes(to_valid_utf8(body)), count);
}

}  // namespace

std::expected<EmbeddingsAnswer, ModelError> read_embeddings(const ProviderSettings& provider, std::string_view model,
                                                            std::string_view body, std::size_t count) {
    auto read = parse(body, count);
    if (!read || !read->is_object) return std::unexpected{garbled_answer("it is not a JSON object")};
    if (read->has_error) return std::unexpected{model_error_in(provider, parse_provider_json(body))};
    if (!read->has_list || read->too_many || read->items.size() != count) {
        return std::unexpected{garbled_answer("it does not hold one vector a text")};
    }
    EmbeddingsAnswer answer;
    answer.vectors.resize(count);
    for (std::size_t i = 0; i < count; ++i) {
        Item& item = read->items[i];
        if (item.length > kEmbeddingDimensions) {
            return std::unexpected{ModelError{
                ModelErrorClass::kPermanent,
                "the embedding model " + std::string{model} + " gives vectors of " + std::to_string(item.length) +
                    " dimensions, but " + std::to_string(kEmbeddingDimensions) + " are the most that can be stored",
                std::nullopt, 200}};
        }
        if (item.values.empty() && item.numbers_only) {
            return std::unexpected{garbled_answer("an item of it has no vector")};
        }
        const bool finite =
            std::all_of(item.values.begin(), item.values.end(), [](float v) { return std::isfinite(v); });
        if (!item.numbers_only || !finite) return std::unexpected{garbled_answer("a vector holds what is no number")};
        // The list's own order counts where an item does not say its place.
        const std::size_t place = item.place.value_or(i);
        if (place >= count || !answer.vectors[place].empty()) {
            return std::unexpected{garbled_answer("two vectors claim one text")};
        }
        item.values.resize(kEmbeddingDimensions, 0.0F);  // zeros change no cosine
        answer.vectors[place] = std::move(item.values);
    }
    const std::int64_t total = token_count(read->usage, "total_tokens");
    answer.tokens = total > 0 ? total : token_count(read->usage, "prompt_tokens");
    return answer;
}

}  // namespace oiab::clients
