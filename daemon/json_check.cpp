#include "daemon/json_check.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

namespace oiab::daemon {
namespace {

/// Reads JSON without building it, and remembers where it goes wrong.
struct Checker : nlohmann::json_sax<nlohmann::json> {
    std::size_t wrong_at = 0;

    bool null() override { return true; }
    bool boolean(bool) override { return true; }
    bool number_integer(number_integer_t) override { return true; }
    bool number_unsigned(number_unsigned_t) override { return true; }
    bool number_float(number_float_t, const string_t&) override { return true; }
    bool string(string_t&) override { return true; }
    bool binary(binary_t&) override { return true; }
    bool start_object(std::size_t) override { return true; }
    bool key(string_t&) override { return true; }
    bool end_object() override { return true; }
    bool start_array(std::size_t) override { return true; }
    bool end_array() override { return true; }
    bool parse_error(std::size_t position, const std::string&, const nlohmann::json::exception&) override {
        wrong_at = position;
        return false;
    }
};

}  // namespace

std::optional<std::string> find_json_mistake(std::string_view text) {
    Checker checker;
    if (nlohmann::json::sax_parse(text, &checker)) return std::nullopt;
    if (text.find_first_not_of(" \t\r\n") == std::string::npos) return "it is empty";
    // The position is that of the last byte read, from 1 on.
    const auto before = text.substr(0, checker.wrong_at == 0 ? 0 : checker.wrong_at - 1);
    const auto line = std::ranges::count(before, '\n') + 1;
    const auto column = before.size() - (before.rfind('\n') == before.npos ? 0 : before.rfind('\n') + 1) + 1;
    return fmt::format("line {}, column {}", line, column);
}

}  // namespace oiab::daemon
