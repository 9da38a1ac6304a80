#include "daemon/output.hpp"

#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>

namespace oiab::daemon {
namespace {

/// Characters as a terminal counts them for most scripts: UTF-8 continuation bytes take no column.
std::size_t width_of(std::string_view text) {
    return static_cast<std::size_t>(
        std::ranges::count_if(text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

void append_row(std::string& to, const std::vector<std::string>& row, const std::vector<std::size_t>& widths) {
    for (std::size_t column = 0; column < row.size(); ++column) {
        to += row[column];
        if (column + 1 < row.size()) to.append(widths[column] - width_of(row[column]) + 2, ' ');
    }
    while (to.ends_with(' ')) to.pop_back();
    to += '\n';
}

}  // namespace

std::string Table::render() const {
    std::vector<std::vector<std::string>> rows{header_};
    for (const auto& row : rows_) {
        auto& clean = rows.emplace_back();
        for (const auto& cell : row) clean.push_back(harmless(cell));
    }
    std::vector<std::size_t> widths(header_.size());
    for (const auto& row : rows)
        for (std::size_t column = 0; column < row.size(); ++column)
            widths[column] = std::max(widths[column], width_of(row[column]));
    std::string text;
    for (const auto& row : rows) append_row(text, row, widths);
    return text;
}

std::string harmless(std::string_view text) {
    std::string result{text};
    for (std::size_t at = 0; at < result.size(); ++at) {
        const auto byte = static_cast<unsigned char>(result[at]);
        if (byte < 0x20 || byte == 0x7F) result[at] = byte == '\n' || byte == '\t' ? ' ' : '?';
        // U+0080 to U+009F are control characters as well; terminals read U+009B as the start of a sequence.
        const bool c1 = byte == 0xC2 && at + 1 < result.size() && static_cast<unsigned char>(result[at + 1]) < 0xA0;
        if (c1) result.replace(at, 2, "?");
    }
    return result;
}

std::string cut(std::string_view text, std::size_t length) {
    if (width_of(text) <= length) return harmless(text);
    std::size_t end = 0;
    for (std::size_t shown = 0; shown + 1 < length && end < text.size(); ++shown) {
        ++end;
        while (end < text.size() && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) ++end;
    }
    return harmless(text.substr(0, end)) + "…";
}

std::string to_the_second(std::string_view time) { return std::string{time.substr(0, 19)}; }

void print(std::string_view text) { std::fwrite(text.data(), 1, text.size(), stdout); }

void print_json(const nlohmann::json& value) {
    print(value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n");
}

nlohmann::json json_of(const std::string& text) {
    auto value = nlohmann::json::parse(text, nullptr, false);
    if (value.is_discarded()) return text;
    return value;
}

void complain(std::string_view sentence) {
    const auto line = "oiabd: " + harmless(sentence) + "\n";
    std::fwrite(line.data(), 1, line.size(), stderr);
}

}  // namespace oiab::daemon
