#include "clients/number_arrays.hpp"

#include <charconv>
#include <cmath>
#include <optional>
#include <utility>

namespace oiab::clients {
namespace {

/// A quote inside of a string is escaped, so that this is a whole string, or the end of a key that ends like it.
constexpr std::string_view kKey = "\"embedding\"";

bool is_digit(char c) { return c >= '0' && c <= '9'; }

const char* skip_space(const char* at, const char* end) {
    while (at != end && (*at == ' ' || *at == '\n' || *at == '\t' || *at == '\r')) ++at;
    return at;
}

/// @returns where the digits end, nullptr where there are none
const char* skip_digits(const char* at, const char* end) {
    if (at == end || !is_digit(*at)) return nullptr;
    while (at != end && is_digit(*at)) ++at;
    return at;
}

/// JSON's grammar, which is narrower than that of from_chars. @returns the end of the number, nullptr where it is none
const char* skip_number(const char* at, const char* end) {
    if (at != end && *at == '-') ++at;
    const char* const first = at;
    at = skip_digits(at, end);
    if (at == nullptr || (*first == '0' && at != first + 1)) return nullptr;
    if (at != end && *at == '.') {
        at = skip_digits(at + 1, end);
        if (at == nullptr) return nullptr;
    }
    if (at != end && (*at == 'e' || *at == 'E')) {
        ++at;
        if (at != end && (*at == '+' || *at == '-')) ++at;
        at = skip_digits(at, end);
    }
    return at;
}

/// By way of a double, as a JSON parser would have it.
std::optional<float> read_float(const char* begin, const char* end) {
    double number = 0;
    const auto [stop, error] = std::from_chars(begin, end, number);
    if (error != std::errc{} || stop != end) return std::nullopt;
    const auto narrowed = static_cast<float>(number);
    if (!std::isfinite(narrowed)) return std::nullopt;
    return narrowed;
}

/// @param at  behind the bracket; afterwards behind the closing one, where there is an answer
std::optional<NumberArray> read_array(const char*& at, const char* end, std::size_t most_numbers) {
    NumberArray array;
    array.values.reserve(most_numbers);
    for (const char* next = at;;) {
        next = skip_space(next, end);
        const char* const behind = skip_number(next, end);
        if (behind == nullptr) return std::nullopt;
        const auto number = read_float(next, behind);
        if (!number) return std::nullopt;
        if (++array.length <= most_numbers) array.values.push_back(*number);
        next = skip_space(behind, end);
        if (next == end || (*next != ',' && *next != ']')) return std::nullopt;
        if (*next++ == ']') {
            at = next;
            return array;
        }
    }
}

}  // namespace

WithoutArrays take_embedding_arrays(std::string_view body, std::size_t most_arrays, std::size_t most_numbers) {
    WithoutArrays taken;
    const char* const end = body.data() + body.size();
    std::size_t kept = 0;  // what comes before is in the rest already
    std::size_t from = 0;
    while (taken.arrays.size() < most_arrays) {
        const std::size_t key = body.find(kKey, from);
        if (key == std::string_view::npos) break;
        from = key + kKey.size();
        const char* at = skip_space(body.data() + from, end);
        if (at == end || *at != ':') continue;
        const char* const value = skip_space(at + 1, end);
        if (value == end || *value != '[') continue;
        at = value + 1;
        auto array = read_array(at, end, most_numbers);
        if (!array) continue;
        const auto begin = static_cast<std::size_t>(value - body.data());
        taken.rest.append(body.substr(kept, begin - kept));
        taken.rest += "\"#" + std::to_string(taken.arrays.size()) + '"';
        taken.arrays.push_back(std::move(*array));
        kept = from = static_cast<std::size_t>(at - body.data());
    }
    taken.rest.append(body.substr(kept));
    return taken;
}

}  // namespace oiab::clients
