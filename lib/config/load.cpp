#include "config/load.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "config/assign.hpp"
#include "config/file_tables.hpp"
#include "config/layers.hpp"
#include "config/nearest.hpp"
#include "config/toml_file.hpp"

extern char** environ;  // NOLINT(readability-redundant-declaration): POSIX leaves it to the user

namespace oiab::config {
namespace {

using Done = std::expected<void, ConfigError>;

/// An empty variable counts as unset: compose files and unit files have no other way to unset one.
std::optional<std::string> variable(const Environment& environment, std::string_view name) {
    const auto found = environment.find(name);
    if (found == environment.end() || found->second.empty()) return std::nullopt;
    return found->second;
}

std::expected<std::optional<TomlFile>, ConfigError> find_file(const Sources& sources) {
    auto path = sources.file;
    if (!path) path = variable(sources.environment, "OIABD_CONFIG");
    if (!path) {
        std::error_code ignored;
        if (sources.default_file.empty() || !std::filesystem::exists(sources.default_file, ignored))
            return std::nullopt;
        path = sources.default_file;
    }
    auto file = load_toml(*path);
    if (!file) return std::unexpected{file.error()};
    return std::move(*file);
}

Done put_file_entries(Layers& layers, const TomlFile& file) {
    for (const auto& entry : file.tables.front().entries) {
        const auto origin = fmt::format("{}:{}", file.path, entry.line);
        if (auto done = layers.put(entry.key, entry.value, origin); !done) return done;
    }
    return {};
}

/// systemd's LoadCredential= puts a file for each secret into this directory.
Done put_credentials(Layers& layers, const Environment& environment) {
    const auto directory = variable(environment, "CREDENTIALS_DIRECTORY");
    if (!directory) return {};
    for (const auto& setting : setting_table()) {
        const auto path = fmt::format("{}/{}", *directory, setting.name);
        std::error_code ignored;
        if (!setting.secret || !std::filesystem::exists(path, ignored)) continue;
        if (auto done = layers.put_file(setting, path, fmt::format("credential {}", setting.name)); !done) return done;
    }
    return {};
}

Done put_environment(Layers& layers, const Environment& environment) {
    for (const auto& setting : setting_table()) {
        const auto name = environment_name(setting);
        if (const auto value = variable(environment, name))
            if (auto done = layers.put(setting.name, *value, "environment " + name); !done) return done;
        if (!setting.secret) continue;
        if (const auto path = variable(environment, name + "_FILE"))
            if (auto done = layers.put_file(setting, *path, "environment " + name + "_FILE"); !done) return done;
    }
    return {};
}

Done put_flags(Layers& layers, const Sources& sources) {
    for (const auto& [name, value] : sources.flags) {
        auto flag = "--" + name;
        std::ranges::replace(flag, '_', '-');
        if (auto done = layers.put(name, value, "flag " + flag); !done) return done;
    }
    return {};
}

/// A misspelt variable would be ignored in silence. It is no error: orchestrators set variables of their own, named
/// after services (OIABD_PORT, OIABD_SERVICE_HOST).
void warn_of_misspelt(const Environment& environment, Settings& settings) {
    std::vector<std::string> names{"OIABD_CONFIG"};
    for (const auto& setting : setting_table()) {
        names.push_back(environment_name(setting));
        if (setting.secret) names.push_back(environment_name(setting) + "_FILE");
    }
    const std::vector<std::string_view> known{names.begin(), names.end()};
    for (const auto& [name, value] : environment) {
        if (!name.starts_with("OIABD_") || std::ranges::find(known, name) != known.end()) continue;
        const auto nearest = find_nearest(name, known);
        if (nearest && edit_distance(name, *nearest) <= 2)
            settings.warnings.push_back(
                fmt::format("the environment variable {} means nothing; did you mean {}?", name, *nearest));
    }
}

Done check_together(const Settings& settings) {
    const auto& kinds = settings.kind_defaults;
    if (kinds.retry_cap < kinds.retry_base)
        return std::unexpected{
            ConfigError{fmt::format("retry_cap ({}) must not be below retry_base ({})",
                                    format_duration(kinds.retry_cap), format_duration(kinds.retry_base))}};
    if (!settings.metrics.file.empty() && !settings.metrics.file.ends_with(".prom"))
        return std::unexpected{ConfigError{fmt::format(
            "metrics_file must end in .prom, not {}: no other files are collected", quote(settings.metrics.file))}};
    const auto& agent = settings.agent;
    // Neither of them: everybody has a provider row.
    if (agent.runtime == AgentRuntime::kDirect && agent.llm.base_url.empty() != agent.llm.model.empty())
        return std::unexpected{ConfigError{"llm_base_url and llm_model go together: set both, or neither"}};
    if (agent.runtime == AgentRuntime::kOpencode && agent.opencode.url.empty())
        return std::unexpected{ConfigError{"runtime is opencode, which needs opencode_url"}};
    for (const auto& [name, url] :
         {std::pair{"llm_base_url", &agent.llm.base_url}, std::pair{"embedding_base_url", &agent.embedding.base_url},
          std::pair{"opencode_url", &agent.opencode.url}})
        if (!url->empty() && !url->starts_with("http://") && !url->starts_with("https://"))
            return std::unexpected{ConfigError{fmt::format("{} must begin with http:// or https://", name)}};
    if (!agent.embedding.base_url.empty() && agent.embedding.model.empty())
        return std::unexpected{ConfigError{"embedding_base_url is set, which needs embedding_model as well"}};
    if (!agent.embedding_provider.empty() && agent.embedding.model.empty())
        return std::unexpected{ConfigError{"embedding_provider is set, which needs embedding_model as well"}};
    if (!agent.embedding_provider.empty() && !agent.embedding.base_url.empty())
        return std::unexpected{ConfigError{"embedding_provider and embedding_base_url exclude each other"}};
    return {};
}

void warn_of_missing(Settings& settings) {
    const auto& agent = settings.agent;
    if (agent.runtime == AgentRuntime::kDirect && agent.llm.base_url.empty())
        settings.warnings.emplace_back(
            "runtime is direct without llm_base_url and llm_model: only who has a provider gets answers "
            "(`oiabd provider add`)");
}

void describe(const Layers& layers, Settings& settings) {
    std::vector<DescribedSetting> all;
    for (const auto& setting : setting_table())
        all.push_back({std::string{setting.name}, shown(setting, settings), layers.origin_of(setting)});
    all.insert(all.end(), settings.described.begin(), settings.described.end());
    settings.described = std::move(all);
}

}  // namespace

Environment read_environment() {
    Environment environment;
    for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
        const std::string_view text{*entry};
        const auto equals = text.find('=');
        if (equals != std::string_view::npos) environment.emplace(text.substr(0, equals), text.substr(equals + 1));
    }
    return environment;
}

Settings default_settings() { return *load({.file = {}, .default_file = {}, .environment = {}, .flags = {}}); }

std::expected<Settings, ConfigError> load(const Sources& sources) {
    const auto file = find_file(sources);
    if (!file) return std::unexpected{file.error()};

    Settings settings;
    Layers layers{settings};
    Done done;
    const auto then = [&done](auto step) {
        if (done) done = step();
    };
    // Not ours alone, so that everything that is meant for oiabd comes before it.
    if (const auto url = variable(sources.environment, "DATABASE_URL"))
        then([&] { return layers.put("database_url", *url, "environment DATABASE_URL"); });
    if (const auto password = variable(sources.environment, "OPENCODE_SERVER_PASSWORD"))
        then([&] { return layers.put("opencode_password", *password, "environment OPENCODE_SERVER_PASSWORD"); });
    if (*file) then([&] { return put_file_entries(layers, **file); });
    then([&] { return put_credentials(layers, sources.environment); });
    then([&] { return put_environment(layers, sources.environment); });
    then([&] { return put_flags(layers, sources); });
    if (*file) then([&] { return read_tables(**file, sources.environment, settings); });
    then([&] { return check_together(settings); });
    if (!done) return std::unexpected{done.error()};

    if (*file) settings.file = (*file)->path;
    warn_of_misspelt(sources.environment, settings);
    warn_of_missing(settings);
    describe(layers, settings);
    return settings;
}

}  // namespace oiab::config
