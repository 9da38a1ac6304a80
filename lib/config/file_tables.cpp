#include "config/file_tables.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <optional>
#include <span>

#include "config/assign.hpp"
#include "config/mcp_table.hpp"
#include "config/nearest.hpp"

namespace oiab::config {
namespace {

constexpr std::string_view kKindGroup = "kind";
constexpr std::string_view kHandlerGroup = "handlers";
constexpr std::string_view kMcpGroup = "mcp";
constexpr std::size_t kLongestKind = 200;  // the column's own limit

using Done = std::expected<void, ConfigError>;

template <typename... Parts>
std::unexpected<ConfigError> wrong(const std::string& origin, fmt::format_string<Parts...> text, Parts&&... parts) {
    return std::unexpected{
        ConfigError{fmt::format("{}: {}", origin, fmt::format(text, std::forward<Parts>(parts)...))}};
}

const KindSetting* find_kind_setting(std::string_view name) {
    for (const auto& row : kind_setting_table())
        if (row.name == name) return &row;
    return nullptr;
}

/// Reads the tables of one file; what handlers need from several entries is gathered per table.
class TableReader {
public:
    TableReader(const TomlFile& file, const Environment& environment, Settings& settings)
        : file_{file}, environment_{environment}, settings_{settings} {}

    Done read() {
        for (const auto& table : file_.tables) {
            if (table.group.empty()) continue;
            if (auto done = read_table(table); !done) return done;
        }
        return check_backoff();
    }

private:
    std::string at(int line) const { return fmt::format("{}:{}", file_.path, line); }

    Done read_table(const TomlTable& table) {
        if (table.group == kMcpGroup) return read_mcp_table(file_, table, environment_, settings_);
        if (table.group != kKindGroup && table.group != kHandlerGroup) {
            if (table.group == "kinds")
                return wrong(at(table.line), "kinds is a list; settings of one kind belong into [kind.\"<kind>\"]");
            constexpr std::array kGroups{kKindGroup, kHandlerGroup, kMcpGroup};
            return wrong(at(table.line), "there is no table [{}]{}", table.group, did_you_mean(table.group, kGroups));
        }
        if (table.name.empty()) {
            const int line = table.entries.empty() ? table.line : table.entries.front().line;
            return wrong(at(line), "[{0}] needs the kind in its name: [{0}.\"<kind>\"]", table.group);
        }
        if (table.name.size() > kLongestKind) return wrong(at(table.line), "a kind has at most 200 bytes");
        if (const auto star = table.name.find('*'); star != std::string::npos && star + 1 != table.name.size())
            return wrong(at(table.line), "a pattern may have one *, at its end: {}", quote(table.name));
        if (table.group == kKindGroup) return read_kind(table);
        return read_handler(table);
    }

    Done read_kind(const TomlTable& table) {
        for (const auto& entry : table.entries) {
            const auto* row = find_kind_setting(entry.key);
            if (row == nullptr) {
                std::vector<std::string_view> known;
                for (const auto& candidate : kind_setting_table()) known.push_back(candidate.name);
                return wrong(at(entry.line), "a kind has no setting {}{}", quote(entry.key),
                             did_you_mean(entry.key, known));
            }
            if (auto done = put(table, entry, *row); !done) return done;
        }
        return {};
    }

    /// One of the settings that a kind may have for itself.
    Done put(const TomlTable& table, const TomlEntry& entry, const KindSetting& row) {
        const auto name = fmt::format("{}.{}", table.name, row.name);
        if (const auto before = given_.find(name); before != given_.end())
            return wrong(at(entry.line), "{} of kind {} is given twice; line {} has it too", row.name,
                         quote(table.name), before->second);
        const auto value = duration_within(*find_setting(row.name), entry.value);
        if (!value) return wrong(at(entry.line), "{} {}", row.name, value.error());
        given_.emplace(name, entry.line);
        auto& kind = settings_.kinds.try_emplace(table.name, settings_.kind_defaults).first->second;
        kind.*row.member = *value;
        settings_.described.push_back(
            {fmt::format("kind.\"{}\".{}", table.name, row.name), format_duration(*value), at(entry.line)});
        return {};
    }

    Done read_handler(const TomlTable& table) {
        static constexpr std::array<std::string_view, 12> kKnown{
            "exec",    "library",     "http",    "env",           "directory",  "max_output",
            "headers", "unix_socket", "timeout", "stall_timeout", "retry_base", "retry_cap"};
        const TomlEntry* way = nullptr;
        for (const auto& entry : table.entries) {
            std::string_view key = entry.key;
            for (const std::string_view group : {"env", "headers"})
                if (key.starts_with(group) && key.substr(group.size()).starts_with('.')) key = group;
            if (const auto* row = find_kind_setting(key)) {
                if (auto done = put(table, entry, *row); !done) return done;
                continue;
            }
            if (key == "exec" || key == "library" || key == "http") {
                if (way != nullptr)
                    return wrong(at(entry.line), "handler {} has both {} and {}; it needs exactly one",
                                 quote(table.name), way->key, entry.key);
                way = &entry;
                continue;
            }
            if (std::ranges::find(kKnown, key) == kKnown.end())
                return wrong(at(entry.line), "a handler has no setting {}{}", quote(key), did_you_mean(key, kKnown));
        }
        if (way == nullptr)
            return wrong(at(table.line), "handler {} needs one of exec, library or http", quote(table.name));
        HandlerSource source{table.name, {}, at(table.line)};
        auto read = way->key == "exec"      ? read_executable(table, *way)
                    : way->key == "library" ? read_library(table, *way)
                                            : read_http(table, *way);
        if (!read) return std::unexpected{read.error()};
        source.way = std::move(*read);
        settings_.described.push_back(
            {fmt::format("handlers.\"{}\".{}", table.name, way->key), shown_way(*way), at(way->line)});
        settings_.handlers.push_back(std::move(source));
        return {};
    }

    using Way = std::expected<decltype(HandlerSource::way), ConfigError>;

    Way read_executable(const TomlTable& table, const TomlEntry& way) {
        ExecutableSource source;
        const auto* command = std::get_if<std::vector<std::string>>(&way.value);
        if (command == nullptr || command->empty() || command->front().empty())
            return wrong(at(way.line),
                         "exec must be a list of program and arguments such as [\"./handler\", \"--fast\"]");
        source.command = *command;
        // A bare name is looked up in PATH; whatever has a slash is a path.
        if (source.command.front().find('/') != std::string::npos)
            source.command.front() = resolved(source.command.front());
        for (const auto& entry : table.entries) {
            Done done;
            if (entry.key == "env") done = read_env_list(entry, source.environment);
            else if (entry.key.starts_with("env.")) done = put_text(entry, source.environment[entry.key.substr(4)]);
            else if (entry.key == "directory") done = put_path(entry, source.directory);
            else if (entry.key == "max_output") done = put_size(entry, source.max_output);
            else if (!belongs_to_all(entry.key) && &entry != &way) done = not_for(entry, "exec");
            if (!done) return std::unexpected{done.error()};
        }
        return source;
    }

    Way read_library(const TomlTable& table, const TomlEntry& way) {
        LibrarySource source;
        if (auto done = put_path(way, source.path); !done) return std::unexpected{done.error()};
        for (const auto& entry : table.entries)
            if (!belongs_to_all(entry.key) && &entry != &way) return not_for(entry, "library");
        return source;
    }

    Way read_http(const TomlTable& table, const TomlEntry& way) {
        HttpSource source;
        if (auto done = put_text(way, source.url); !done) return std::unexpected{done.error()};
        if (!source.url.starts_with("http://") && !source.url.starts_with("https://"))
            return wrong(at(way.line), "http must be a URL that begins with http:// or https://");
        for (const auto& entry : table.entries) {
            Done done;
            if (entry.key == "unix_socket") done = put_path(entry, source.unix_socket);
            else if (entry.key.starts_with("headers.")) done = put_text(entry, source.headers[entry.key.substr(8)]);
            else if (entry.key == "max_output") done = put_size(entry, source.max_output);
            else if (!belongs_to_all(entry.key) && &entry != &way) done = not_for(entry, "http");
            if (!done) return std::unexpected{done.error()};
        }
        return source;
    }

    static bool belongs_to_all(std::string_view key) { return find_kind_setting(key) != nullptr; }

    std::unexpected<ConfigError> not_for(const TomlEntry& entry, std::string_view way) const {
        return wrong(at(entry.line), "{} is no setting of a handler with {}", entry.key, way);
    }

    /// NAME passes our own variable on, NAME=VALUE sets one.
    Done read_env_list(const TomlEntry& entry, std::map<std::string, std::string>& variables) const {
        const auto* list = std::get_if<std::vector<std::string>>(&entry.value);
        if (list == nullptr) return wrong(at(entry.line), "env must be a list such as [\"PATH\", \"LANG=C.UTF-8\"]");
        for (const auto& item : *list) {
            const auto equals = item.find('=');
            if (equals == 0 || item.empty()) return wrong(at(entry.line), "env has an entry without a name");
            if (equals != std::string::npos) {
                variables[item.substr(0, equals)] = item.substr(equals + 1);
            } else if (const auto ours = environment_.find(item); ours != environment_.end()) {
                variables[item] = ours->second;
            }
        }
        return {};
    }

    Done put_text(const TomlEntry& entry, std::string& target) const {
        const auto* text = std::get_if<std::string>(&entry.value);
        if (text == nullptr || text->empty()) return wrong(at(entry.line), "{} must be text in quotes", entry.key);
        target = *text;
        return {};
    }

    Done put_path(const TomlEntry& entry, std::string& target) const {
        auto done = put_text(entry, target);
        if (done) target = resolved(target);
        return done;
    }

    Done put_size(const TomlEntry& entry, std::size_t& target) const {
        const auto* text = std::get_if<std::string>(&entry.value);
        if (text == nullptr) return wrong(at(entry.line), "{} must be a size in quotes such as \"1MiB\"", entry.key);
        const auto size = parse_size(*text);
        if (!size) return wrong(at(entry.line), "{} {}", entry.key, size.error());
        target = static_cast<std::size_t>(*size);
        return {};
    }

    /// Paths are relative to the file that names them, so that it works from everywhere.
    std::string resolved(const std::string& path) const {
        const std::filesystem::path given{path};
        if (given.is_absolute()) return path;
        return (std::filesystem::absolute(file_.path).parent_path() / given).lexically_normal().string();
    }

    /// Arguments and URLs may carry secrets, so only the program and the host are shown.
    static std::string shown_way(const TomlEntry& way) {
        if (const auto* command = std::get_if<std::vector<std::string>>(&way.value))
            return command->size() == 1 ? command->front() : command->front() + " …";
        const auto& text = std::get<std::string>(way.value);
        return text.find('@') == std::string::npos ? text.substr(0, text.find('?')) : "********";
    }

    Done check_backoff() const {
        for (const auto& [name, kind] : settings_.kinds)
            if (kind.retry_cap < kind.retry_base)
                return wrong(file_.path, "retry_cap of kind {} ({}) must not be below its retry_base ({})", quote(name),
                             format_duration(kind.retry_cap), format_duration(kind.retry_base));
        return {};
    }

    const TomlFile& file_;
    const Environment& environment_;
    Settings& settings_;
    std::map<std::string, int> given_;  ///< "<kind>.<setting>" and the line that gave it
};

}  // namespace

std::expected<void, ConfigError> read_tables(const TomlFile& file, const Environment& environment, Settings& settings) {
    return TableReader{file, environment, settings}.read();
}

}  // namespace oiab::config
