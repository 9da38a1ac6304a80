#include "config/nearest.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

namespace oiab::config {

std::size_t edit_distance(std::string_view a, std::string_view b) {
    // Three rows of the usual table: the one before the last is needed for swapped neighbours.
    std::vector<std::size_t> before_last(b.size() + 1), last(b.size() + 1), row(b.size() + 1);
    for (std::size_t j = 0; j <= b.size(); ++j) last[j] = j;
    for (std::size_t i = 1; i <= a.size(); ++i) {
        row[0] = i;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const std::size_t change = a[i - 1] == b[j - 1] ? 0 : 1;
            row[j] = std::min({last[j] + 1, row[j - 1] + 1, last[j - 1] + change});
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                row[j] = std::min(row[j], before_last[j - 2] + 1);
        }
        std::swap(before_last, last);
        std::swap(last, row);
    }
    return last[b.size()];
}

std::optional<std::string_view> find_nearest(std::string_view mistyped, std::span<const std::string_view> known) {
    // Longer input is no slip of the finger, and the table's size is the product of the lengths.
    constexpr std::size_t kLongest = 100;
    if (mistyped.size() > kLongest) return std::nullopt;
    std::optional<std::string_view> nearest;
    std::size_t least = std::max<std::size_t>(2, mistyped.size() / 3) + 1;
    for (const auto name : known) {
        if (const auto distance = edit_distance(mistyped, name); distance < least) {
            least = distance;
            nearest = name;
        }
    }
    return nearest;
}

std::string did_you_mean(std::string_view mistyped, std::span<const std::string_view> known) {
    if (const auto nearest = find_nearest(mistyped, known)) return fmt::format("; did you mean {}?", *nearest);
    return {};
}

}  // namespace oiab::config
