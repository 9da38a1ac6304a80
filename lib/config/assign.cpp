#include "config/assign.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <optional>

namespace oiab::config {
namespace {

template <typename... Visitors>
struct Overloaded : Visitors... {
    using Visitors::operator()...;
};

constexpr std::string_view kMask = "********";

/// What a value is, in words, for "must be X, not Y".
std::string described(const RawValue& value) {
    return std::visit(Overloaded{[](const std::string& text) { return quote(text); },
                                 [](const std::vector<std::string>&) { return std::string{"a list"}; },
                                 [](bool flag) { return std::string{flag ? "true" : "false"}; },
                                 [](std::int64_t number) { return fmt::format("{}", number); },
                                 [](double number) { return fmt::format("{}", number); },
                                 [](const Unsupported& other) { return other.type; }},
                      value);
}

std::unexpected<Problem> must_be(std::string_view what, const RawValue& value) {
    return std::unexpected{fmt::format("must be {}, not {}", what, described(value))};
}

template <typename Number>
std::expected<Number, Problem> within(const Setting& setting, Number number, std::optional<Number> least,
                                      std::optional<Number> most, std::string_view text) {
    if (least && number < *least)
        return std::unexpected{fmt::format("must be at least {}, not {}", setting.least, text)};
    if (most && number > *most) return std::unexpected{fmt::format("must be at most {}, not {}", setting.most, text)};
    return number;
}

template <typename Number, typename Parse>
std::optional<Number> limit(std::string_view text, Parse parse) {
    if (text.empty()) return std::nullopt;
    return static_cast<Number>(*parse(text));
}

std::expected<std::int64_t, Problem> integer_of(const Setting& setting, const RawValue& value) {
    std::expected<std::int64_t, Problem> number = must_be("a whole number", value);
    if (const auto* given = std::get_if<std::int64_t>(&value)) number = *given;
    if (const auto* text = std::get_if<std::string>(&value)) number = parse_integer(*text);
    if (!number) return number;
    return within<std::int64_t>(setting, *number, limit<std::int64_t>(setting.least, parse_integer),
                                limit<std::int64_t>(setting.most, parse_integer), fmt::format("{}", *number));
}

std::expected<double, Problem> decimal_of(const Setting& setting, const RawValue& value) {
    std::expected<double, Problem> number = must_be("a number", value);
    if (const auto* given = std::get_if<double>(&value)) number = *given;
    if (const auto* given = std::get_if<std::int64_t>(&value)) number = static_cast<double>(*given);
    if (const auto* text = std::get_if<std::string>(&value)) number = parse_decimal(*text);
    if (!number) return number;
    if (std::isnan(*number)) return must_be("a number", value);
    return within<double>(setting, *number, limit<double>(setting.least, parse_decimal),
                          limit<double>(setting.most, parse_decimal), fmt::format("{}", *number));
}

std::expected<bool, Problem> switch_of(const RawValue& value) {
    if (const auto* flag = std::get_if<bool>(&value)) return *flag;
    if (const auto* text = std::get_if<std::string>(&value)) return parse_switch(*text);
    return must_be("true or false", value);
}

std::expected<std::string, Problem> text_of(const Setting& setting, const RawValue& value) {
    const auto* text = std::get_if<std::string>(&value);
    if (text == nullptr) {
        if (setting.secret) return std::unexpected{"must be text in quotes"};
        return must_be("text in quotes", value);
    }
    if (text->find('\0') != std::string::npos) return std::unexpected{"must not contain a zero byte"};
    return *text;
}

std::expected<std::vector<std::string>, Problem> list_of(const RawValue& value) {
    if (const auto* list = std::get_if<std::vector<std::string>>(&value)) return *list;
    if (const auto* text = std::get_if<std::string>(&value)) return parse_list(*text);
    return must_be("a list of texts such as [\"a\", \"b\"]", value);
}

std::expected<std::size_t, Problem> choice_of(const ChoiceAccess& choice, const RawValue& value) {
    const auto* text = std::get_if<std::string>(&value);
    if (text != nullptr) {
        const auto found = std::ranges::find(choice.names, *text);
        if (found != choice.names.end()) return static_cast<std::size_t>(found - choice.names.begin());
    }
    return must_be(fmt::format("one of {}", fmt::join(choice.names, ", ")), value);
}

/// Hides the value of every parameter that holds a secret in a URI's query: password, sslpassword, passfile.
std::string mask_query(std::string text) {
    for (std::size_t at = text.find("pass"); at != std::string::npos; at = text.find("pass", at + 1)) {
        const auto equals = text.find('=', at);
        const auto end = std::min(text.find('&', at), text.size());
        if (equals < end) text.replace(equals + 1, end - equals - 1, kMask);
    }
    return text;
}

}  // namespace

std::expected<milliseconds, Problem> duration_within(const Setting& limits, const RawValue& value) {
    const auto* text = std::get_if<std::string>(&value);
    const auto* number = std::get_if<std::int64_t>(&value);
    // Zero is the same in every unit.
    if (text == nullptr && !(number != nullptr && *number == 0))
        return must_be("a duration in quotes with a unit, such as \"60s\"", value);
    const auto given = parse_duration(text != nullptr ? *text : "0");
    if (!given) return given;
    return within<milliseconds>(limits, *given, limit<milliseconds>(limits.least, parse_duration),
                                limit<milliseconds>(limits.most, parse_duration), format_duration(*given));
}

std::expected<void, Problem> assign(const Setting& setting, Settings& settings, const RawValue& value) {
    const auto store = [](auto& target, auto given) -> std::expected<void, Problem> {
        if (!given) return std::unexpected{given.error()};
        target = static_cast<std::remove_reference_t<decltype(target)>>(*given);
        return {};
    };
    return std::visit(
        Overloaded{[&](TextAccess access) { return store(access(settings), text_of(setting, value)); },
                   [&](ListAccess access) { return store(access(settings), list_of(value)); },
                   [&](SwitchAccess access) { return store(access(settings), switch_of(value)); },
                   [&](IntegerAccess access) { return store(access(settings), integer_of(setting, value)); },
                   [&](DecimalAccess access) { return store(access(settings), decimal_of(setting, value)); },
                   [&](DurationAccess access) { return store(access(settings), duration_within(setting, value)); },
                   [&](const ChoiceAccess& choice) -> std::expected<void, Problem> {
                       const auto index = choice_of(choice, value);
                       if (!index) return std::unexpected{index.error()};
                       choice.set(settings, *index);
                       return {};
                   }},
        setting.access);
}

std::string shown(const Setting& setting, const Settings& settings) {
    // The accessors hand out references for writing; nothing is written here.
    auto& source = const_cast<Settings&>(settings);
    return std::visit(
        Overloaded{[&](TextAccess access) -> std::string {
                       const auto& text = access(source);
                       if (setting.name == "database_url") return mask_database_url(text);
                       return setting.secret && !text.empty() ? std::string{kMask} : text;
                   },
                   [&](ListAccess access) { return fmt::format("{}", fmt::join(access(source), ",")); },
                   [&](SwitchAccess access) { return std::string{access(source) ? "true" : "false"}; },
                   [&](IntegerAccess access) { return fmt::format("{}", access(source)); },
                   [&](DecimalAccess access) { return fmt::format("{}", access(source)); },
                   [&](DurationAccess access) { return format_duration(access(source)); },
                   [&](const ChoiceAccess& choice) { return std::string{choice.names[choice.get(source)]}; }},
        setting.access);
}

std::string mask_database_url(const std::string& url) {
    if (url.empty()) return url;
    const auto scheme = url.starts_with("postgresql://") || url.starts_with("postgres://") ? url.find("://") + 3 : 0;
    if (scheme == 0)
        return url.find("pass") == std::string::npos && url.find("://") == std::string::npos ? url : std::string{kMask};
    const auto query = std::min(url.find('?', scheme), url.size());
    // A password with an unescaped '/' or '@' is not valid, but is hidden all the same.
    const auto at = url.substr(0, query).rfind('@');
    auto authority = url.substr(scheme, query - scheme);
    if (at != std::string::npos) {
        const auto user = url.substr(scheme, at - scheme);
        const auto colon = user.find(':');
        authority = colon == std::string::npos ? user : fmt::format("{}:{}", user.substr(0, colon), kMask);
        authority += url.substr(at, query - at);
    } else if (url.find('@', query) != std::string::npos) {
        return std::string{kMask};  // a '?' inside the password: what is the query cannot be told
    }
    return url.substr(0, scheme) + authority + mask_query(url.substr(query));
}

}  // namespace oiab::config
