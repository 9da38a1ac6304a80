#include "config/example.hpp"

#include <fmt/format.h>

#include <optional>

#include "config/setting_table.hpp"
#include "config/value.hpp"

namespace oiab::config {
namespace {

/// The default as it would stand in the file.
std::string toml_value(const Setting& setting) {
    const auto& text = setting.default_text;
    if (std::holds_alternative<ListAccess>(setting.access)) return "[]";
    if (std::holds_alternative<SwitchAccess>(setting.access) || std::holds_alternative<IntegerAccess>(setting.access) ||
        std::holds_alternative<DecimalAccess>(setting.access))
        return std::string{text};
    return fmt::format("\"{}\"", text);
}

/// Lines of at most 100 characters, each behind `# `.
std::string comment(std::string_view text) {
    std::string lines, line;
    const auto flush = [&] {
        lines += "# " + line + "\n";
        line.clear();
    };
    while (!text.empty()) {
        const auto space = text.find(' ');
        const auto word = text.substr(0, space);
        if (!line.empty() && line.size() + 1 + word.size() > 98) flush();
        if (!line.empty()) line += ' ';
        line += word;
        text.remove_prefix(space == std::string_view::npos ? text.size() : space + 1);
    }
    if (!line.empty()) flush();
    return lines;
}

constexpr std::string_view kTables = R"(
# ---- Kinds with deadlines and retries of their own: exact, or a prefix with a trailing *.

# [kind."agent-turn"]
# timeout = "10min"
# stall_timeout = "2min"
# retry_base = "10s"
# retry_cap = "30min"

# ---- Handlers that others write: a program, an HTTP endpoint or a shared library. Paths are relative
# to this file. `timeout`, `stall_timeout`, `retry_base` and `retry_cap` may stand here as well.

# [handlers."send-mail"]
# exec = ["./send-mail", "--quiet"]
# env = ["PATH", "SMTP_HOST=mail.internal"]
# directory = "/var/lib/send-mail"
# max_output = "1MiB"

# [handlers."billing-*"]
# http = "http://localhost/jobs"
# unix_socket = "/run/billing.sock"
# headers = { Authorization = "Bearer ..." }

# [handlers."resize-image"]
# library = "./libresize_image.so"

# ---- Tools of servers of the Model Context Protocol; docs/mcp.md tells more.

# [mcp.files]
# url = "https://tools.example.com/mcp"
# tenants = ["contoso"]                          # or "all"
# bearer_token_env = "FILES_TOKEN"               # or bearer_token_file, headers = { ... }
# tools = ["read_*", "search"]
# trusted = false
# idempotency_key = false
# timeout = "60s"
# max_result = "64KiB"
)";

}  // namespace

std::string example_file() {
    std::string text =
        "# Configuration of oiabd. Every value below is the default.\n"
        "# A setting `lease` is also the environment variable OIABD_LEASE and the flag --lease; the environment\n"
        "# wins over this file, a flag over both. `oiabd config show` tells what is in force, and why.\n";
    std::optional<Section> section;
    for (const auto& setting : setting_table()) {
        if (section != setting.section) {
            section = setting.section;
            text += fmt::format("\n# ---- {}\n", title_of(setting.section));
        }
        text += fmt::format("\n{}# {} = {}\n", comment(setting.help), setting.name, toml_value(setting));
        if (setting.secret) text += fmt::format("# {}_file = \"/run/secrets/{}\"\n", setting.name, setting.name);
    }
    text += kTables;
    return text;
}

}  // namespace oiab::config
