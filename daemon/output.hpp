#pragma once
/// @file  What commands print: tables for people, JSON for programs, one sentence on stderr for trouble.

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace oiab::daemon {

/// A table whose last column may be as long as it likes.
class Table {
public:
    explicit Table(std::vector<std::string> header) : header_{std::move(header)} {}
    void add(std::vector<std::string> row) { rows_.push_back(std::move(row)); }
    [[nodiscard]] bool empty() const noexcept { return rows_.empty(); }
    /// Columns two spaces apart, each as wide as its widest cell.
    [[nodiscard]] std::string render() const;

private:
    std::vector<std::string> header_;
    std::vector<std::vector<std::string>> rows_;
};

/// Without control characters: cells come from whoever wrote the row, and a terminal obeys escape sequences.
[[nodiscard]] std::string harmless(std::string_view text);
/// At most `length` characters on one line, with an ellipsis where it was cut.
[[nodiscard]] std::string cut(std::string_view text, std::size_t length);

/// The server's time without fraction and zone: "2026-01-31 12:00:00".
[[nodiscard]] std::string to_the_second(std::string_view time);

/// Writes to stdout.
void print(std::string_view text);
/// One line of JSON; what is no UTF-8 in it is replaced.
void print_json(const nlohmann::json& value);
/// JSON text from the database as a value; text that cannot be parsed stays text.
[[nodiscard]] nlohmann::json json_of(const std::string& text);
/// `oiabd: ` and the sentence, on stderr.
void complain(std::string_view sentence);

}  // namespace oiab::daemon
