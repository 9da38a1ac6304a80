#include "config/toml_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

#define TOML_EXCEPTIONS 0
#include <toml++/toml.h>

namespace oiab::config {
namespace {

/// Nobody's configuration is larger; a slip such as /dev/zero must not fill the memory.
constexpr std::size_t kLargestFile = 1 << 20;

int line_of(const toml::node& node) { return static_cast<int>(node.source().begin.line); }

std::string type_in_words(const toml::node& node) {
    if (node.is_table()) return "a table";
    if (node.is_array()) return "a list";
    return "a date or time";
}

RawValue value_of(const toml::node& node) {
    if (const auto* text = node.as_string()) return text->get();
    if (const auto* flag = node.as_boolean()) return flag->get();
    if (const auto* number = node.as_integer()) return number->get();
    if (const auto* number = node.as_floating_point()) return number->get();
    if (const auto* list = node.as_array()) {
        std::vector<std::string> texts;
        for (const auto& element : *list) {
            const auto* text = element.as_string();
            if (text == nullptr) return Unsupported{"a list with something that is no text"};
            texts.push_back(text->get());
        }
        return texts;
    }
    return Unsupported{type_in_words(node)};
}

/// Everything in the table, tables inside of it under dotted keys.
void collect(const toml::table& from, const std::string& prefix, std::vector<TomlEntry>& entries) {
    for (const auto& [key, node] : from) {
        auto name = prefix + std::string{key.str()};
        if (const auto* inner = node.as_table()) {
            collect(*inner, name + ".", entries);
        } else {
            entries.push_back({std::move(name), value_of(node), line_of(node)});
        }
    }
}

/// In the file's order; within a line, by name.
void sort_by_line(auto& items, auto name) {
    std::ranges::sort(items, {},
                      [name](const auto& item) { return std::pair{item.line, std::string_view{item.*name}}; });
}

TomlFile tables_of(const toml::table& root, const std::string& path) {
    TomlTable top;
    std::vector<TomlTable> tables;
    for (const auto& [key, node] : root) {
        const std::string group{key.str()};
        const auto* table = node.as_table();
        if (table == nullptr) {
            top.entries.push_back({group, value_of(node), line_of(node)});
            continue;
        }
        TomlTable loose{group, "", {}, line_of(node)};
        for (const auto& [name, inner] : *table) {
            if (const auto* named = inner.as_table()) {
                auto& added =
                    tables.emplace_back(group, std::string{name.str()}, std::vector<TomlEntry>{}, line_of(inner));
                collect(*named, "", added.entries);
                sort_by_line(added.entries, &TomlEntry::key);
            } else {
                loose.entries.push_back({std::string{name.str()}, value_of(inner), line_of(inner)});
            }
        }
        if (!loose.entries.empty() || table->empty()) tables.push_back(std::move(loose));
    }
    sort_by_line(top.entries, &TomlEntry::key);
    sort_by_line(tables, &TomlTable::name);
    tables.insert(tables.begin(), std::move(top));
    return {path, std::move(tables)};
}

}  // namespace

std::expected<std::string, Problem> load_text(const std::string& path) {
    const auto trouble = [](int error) { return std::unexpected{std::generic_category().message(error)}; };
    const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (descriptor < 0) return trouble(errno);
    std::string text;
    char buffer[16384];
    ssize_t count = 0;
    while ((count = ::read(descriptor, buffer, sizeof buffer)) > 0 && text.size() <= kLargestFile)
        text.append(buffer, static_cast<std::size_t>(count));
    const int error = errno;
    ::close(descriptor);
    if (count < 0) return trouble(error);
    if (text.size() > kLargestFile) return std::unexpected{std::string{"it is larger than 1 MiB"}};
    return text;
}

std::expected<TomlFile, ConfigError> parse_toml(std::string_view text, const std::string& path) {
    const auto parsed = toml::parse(text, path);
    if (!parsed) {
        const auto& error = parsed.error();
        std::string description{error.description()};
        std::ranges::replace(description, '\n', ' ');
        return std::unexpected{
            ConfigError{fmt::format("{}:{}: this is not TOML (column {}): {}", path, error.source().begin.line,
                                    error.source().begin.column, description)}};
    }
    return tables_of(parsed.table(), path);
}

std::expected<TomlFile, ConfigError> load_toml(const std::string& path) {
    const auto text = load_text(path);
    if (!text) return std::unexpected{ConfigError{fmt::format("cannot read {}: {}", path, text.error())}};
    return parse_toml(*text, path);
}

}  // namespace oiab::config
