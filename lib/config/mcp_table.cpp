#include "config/mcp_table.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <filesystem>

#include "config/nearest.hpp"

namespace oiab::config {
namespace {

using Done = std::expected<void, ConfigError>;

constexpr std::size_t kLongestName = 32;  // half of what a tool's name may have with providers
constexpr std::string_view kStars = "********";

/// Reads one table into one source.
class McpTableReader {
public:
    McpTableReader(const TomlFile& file, const TomlTable& table, const Environment& environment)
        : file_{file}, table_{table}, environment_{environment} {}

    std::expected<McpSource, ConfigError> read() {
        source_.name = table_.name;
        source_.origin = at(table_.line);
        if (auto done = check_name(); !done) return std::unexpected{done.error()};
        for (const auto& entry : table_.entries) {
            if (auto done = read_entry(entry); !done) return std::unexpected{done.error()};
        }
        if (source_.url.empty()) return wrong(table_.line, "needs a url");
        if (source_.tenants.empty())
            return wrong(table_.line, "needs tenants: a list of slugs or ids such as [\"contoso\"], or \"all\"");
        return std::move(source_);
    }

private:
    [[nodiscard]] std::string at(int line) const { return fmt::format("{}:{}", file_.path, line); }

    [[nodiscard]] std::unexpected<ConfigError> wrong(int line, std::string_view what) const {
        return std::unexpected{
            ConfigError{fmt::format("{}: the MCP server {} {}", at(line), quote(table_.name), what)}};
    }
    [[nodiscard]] std::unexpected<ConfigError> wrong(const TomlEntry& entry, std::string_view what) const {
        return wrong(entry.line, fmt::format("is not configured right: {} {}", entry.key, what));
    }

    Done check_name() const {
        const auto& name = table_.name;
        if (name.empty())
            return std::unexpected{
                ConfigError{fmt::format("{}: [mcp] needs the server's name: [mcp.files]",
                                        at(table_.entries.empty() ? table_.line : table_.entries.front().line))}};
        const bool plain = std::ranges::all_of(name, [](char c) {
            return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
        });
        // Tools are called <server>__<tool>, and that must be read in one way only.
        if (!plain || name.size() > kLongestName || name.find("__") != std::string::npos || name.ends_with('_'))
            return wrong(table_.line,
                         "has a name of other than letters, digits, - and single _, or of more than 32 of them");
        return {};
    }

    Done read_entry(const TomlEntry& entry) {
        static constexpr std::array<std::string_view, 15> kKnown{
            "url",          "unix_socket",      "headers",    "headers_env", "headers_file",
            "bearer_token", "bearer_token_env", "tools",      "trusted",     "idempotency_key",
            "timeout",      "list_timeout",     "max_result", "tenants",     "bearer_token_file"};
        const auto dot = entry.key.find('.');
        const std::string_view key = std::string_view{entry.key}.substr(0, dot);
        const std::string name = dot == std::string::npos ? std::string{} : entry.key.substr(dot + 1);
        if (key == "url") return read_url(entry);
        if (key == "unix_socket") return read_path(entry, source_.unix_socket);
        if (key == "headers" || key == "headers_env" || key == "headers_file") {
            if (name.empty()) return wrong(entry, "must be a table such as { Authorization = \"…\" }");
            return read_secret(entry, key.substr(std::string_view{"headers"}.size()), source_.headers[name]);
        }
        if (key.starts_with("bearer_token") && std::ranges::find(kKnown, key) != kKnown.end()) {
            std::string token;
            auto done = read_secret(entry, key.substr(std::string_view{"bearer_token"}.size()), token);
            if (done) source_.headers["Authorization"] = "Bearer " + token;
            return done;
        }
        if (key == "tenants") return read_tenants(entry);
        if (key == "tools") return read_tools(entry);
        if (key == "trusted") return read_switch(entry, source_.trusted);
        if (key == "idempotency_key") return read_switch(entry, source_.idempotency_key);
        if (key == "timeout") return read_duration(entry, source_.timeout);
        if (key == "list_timeout") return read_duration(entry, source_.list_timeout);
        if (key == "max_result") return read_size(entry);
        return std::unexpected{ConfigError{fmt::format("{}: an MCP server has no setting {}{}", at(entry.line),
                                                       quote(entry.key), did_you_mean(entry.key, kKnown))}};
    }

    Done read_text(const TomlEntry& entry, std::string& target) const {
        const auto* text = std::get_if<std::string>(&entry.value);
        if (text == nullptr || text->empty()) return wrong(entry, "must be text in quotes");
        target = *text;
        return {};
    }

    Done read_url(const TomlEntry& entry) {
        if (auto done = read_text(entry, source_.url); !done) return done;
        if (!source_.url.starts_with("http://") && !source_.url.starts_with("https://"))
            return wrong(entry, "must begin with http:// or https://");
        return {};
    }

    Done read_path(const TomlEntry& entry, std::string& target) const {
        if (auto done = read_text(entry, target); !done) return done;
        const std::filesystem::path given{target};
        // Relative to the file that names it, so that it works from everywhere.
        if (!given.is_absolute())
            target = (std::filesystem::absolute(file_.path).parent_path() / given).lexically_normal().string();
        return {};
    }

    /// @param way  "" for the value itself, "_env" for a variable's name, "_file" for a path
    Done read_secret(const TomlEntry& entry, std::string_view way, std::string& target) const {
        std::string text;
        if (auto done = way == "_file" ? read_path(entry, text) : read_text(entry, text); !done) return done;
        if (way == "_env") {
            const auto variable = environment_.find(text);
            if (variable == environment_.end() || variable->second.empty())
                return wrong(entry, fmt::format("names the environment variable {}, which is not set", quote(text)));
            target = variable->second;
        } else if (way == "_file") {
            auto content = load_text(text);
            if (!content) return wrong(entry, fmt::format("cannot be read from {}: {}", text, content.error()));
            while (content->ends_with('\n') || content->ends_with('\r')) content->pop_back();
            target = std::move(*content);
        } else {
            target = std::move(text);
        }
        if (target.find_first_of(std::string_view{"\r\n\0", 3}) != std::string::npos)
            return wrong(entry, "has more than one line");
        return {};
    }

    Done read_tenants(const TomlEntry& entry) {
        if (const auto* word = std::get_if<std::string>(&entry.value); word != nullptr && *word == "all") {
            source_.tenants = {"*"};
            return {};
        }
        const auto* list = std::get_if<std::vector<std::string>>(&entry.value);
        if (list == nullptr || list->empty() || std::ranges::find(*list, "") != list->end())
            return wrong(entry, "must be a list of slugs or ids such as [\"contoso\"], or \"all\"");
        source_.tenants = *list;
        return {};
    }

    Done read_tools(const TomlEntry& entry) {
        const auto* list = std::get_if<std::vector<std::string>>(&entry.value);
        if (list == nullptr || list->empty())
            return wrong(entry, "must be a list of names or beginnings such as [\"read_file\", \"list-*\"]");
        for (const auto& name : *list) {
            const auto star = name.find('*');
            if (name.empty() || (star != std::string::npos && star + 1 != name.size()))
                return wrong(entry, fmt::format("may have one *, at a name's end, which {} has not", quote(name)));
        }
        source_.tools = *list;
        return {};
    }

    Done read_switch(const TomlEntry& entry, bool& target) const {
        const auto* value = std::get_if<bool>(&entry.value);
        if (value == nullptr) return wrong(entry, "must be true or false");
        target = *value;
        return {};
    }

    Done read_duration(const TomlEntry& entry, std::chrono::milliseconds& target) const {
        const auto* text = std::get_if<std::string>(&entry.value);
        if (text == nullptr) return wrong(entry, "must be a duration in quotes such as \"30s\"");
        const auto duration = parse_duration(*text);
        if (!duration) return wrong(entry, duration.error());
        if (duration->count() <= 0) return wrong(entry, "must be more than 0");
        target = *duration;
        return {};
    }

    Done read_size(const TomlEntry& entry) {
        const auto* text = std::get_if<std::string>(&entry.value);
        if (text == nullptr) return wrong(entry, "must be a size in quotes such as \"64KiB\"");
        const auto size = parse_size(*text);
        if (!size) return wrong(entry, size.error());
        if (*size < 256 || *size > (4 << 20)) return wrong(entry, "must be 256B to 4MiB");
        source_.max_result = static_cast<std::size_t>(*size);
        return {};
    }

    const TomlFile& file_;
    const TomlTable& table_;
    const Environment& environment_;
    McpSource source_;
};

/// For `oiabd config show`: URLs may carry secrets, headers mostly do.
void describe(const McpSource& source, Settings& settings) {
    const auto add = [&](std::string_view key, std::string value) {
        settings.described.push_back({fmt::format("mcp.{}.{}", source.name, key), std::move(value), source.origin});
    };
    add("url",
        source.url.find('@') == std::string::npos ? source.url.substr(0, source.url.find('?')) : std::string{kStars});
    add("tenants", source.tenants.front() == "*" ? "all" : fmt::format("{}", fmt::join(source.tenants, ", ")));
    for (const auto& [name, value] : source.headers) add("headers." + name, std::string{kStars});
    if (!source.tools.empty()) add("tools", fmt::format("{}", fmt::join(source.tools, ", ")));
    add("trusted", source.trusted ? "true" : "false");
    add("idempotency_key", source.idempotency_key ? "true" : "false");
}

}  // namespace

std::expected<void, ConfigError> read_mcp_table(const TomlFile& file, const TomlTable& table,
                                                const Environment& environment, Settings& settings) {
    auto source = McpTableReader{file, table, environment}.read();
    if (!source) return std::unexpected{source.error()};
    describe(*source, settings);
    settings.mcp_servers.push_back(std::move(*source));
    return {};
}

}  // namespace oiab::config
