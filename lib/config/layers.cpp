#include "config/layers.hpp"

#include <fmt/format.h>

#include "config/assign.hpp"
#include "config/nearest.hpp"
#include "config/toml_file.hpp"

namespace oiab::config {

const Setting* find_secret_of_file(std::string_view name) {
    constexpr std::string_view kSuffix = "_file";
    if (!name.ends_with(kSuffix)) return nullptr;
    name.remove_suffix(kSuffix.size());
    const auto* setting = find_setting(name);
    return setting != nullptr && setting->secret ? setting : nullptr;
}

std::vector<std::string> known_names() {
    std::vector<std::string> names;
    for (const auto& setting : setting_table()) {
        names.emplace_back(setting.name);
        if (setting.secret) names.push_back(fmt::format("{}_file", setting.name));
    }
    return names;
}

std::expected<void, ConfigError> Layers::put(std::string_view name, const RawValue& value, const std::string& origin) {
    if (const auto* setting = find_setting(name)) return put_value(*setting, value, origin);
    if (const auto* secret = find_secret_of_file(name)) {
        const auto* path = std::get_if<std::string>(&value);
        if (path == nullptr)
            return std::unexpected{ConfigError{fmt::format("{}: {} must be a path in quotes", origin, name)}};
        return put_file(*secret, *path, origin);
    }
    const auto names = known_names();
    const std::vector<std::string_view> known{names.begin(), names.end()};
    const auto hint = did_you_mean(name, known);
    return std::unexpected{ConfigError{fmt::format("{}: there is no setting {}{}", origin, quote(name),
                                                   hint.empty() ? "; `oiabd config example` lists them" : hint)}};
}

std::expected<void, ConfigError> Layers::put_file(const Setting& setting, const std::string& path,
                                                  const std::string& origin) {
    auto text = load_text(path);
    if (!text)
        return std::unexpected{
            ConfigError{fmt::format("{}: cannot read {} for {}: {}", origin, path, setting.name, text.error())}};
    while (!text->empty() && (text->back() == '\n' || text->back() == '\r')) text->pop_back();
    return put_value(setting, *text, fmt::format("file {} ({})", path, origin));
}

std::expected<void, ConfigError> Layers::put_value(const Setting& setting, const RawValue& value,
                                                   const std::string& origin) {
    const auto done = assign(setting, settings_, value);
    if (!done) return std::unexpected{ConfigError{fmt::format("{}: {} {}", origin, setting.name, done.error())}};
    origins_[setting.name] = origin;
    return {};
}

std::string Layers::origin_of(const Setting& setting) const {
    const auto found = origins_.find(setting.name);
    return found == origins_.end() ? "default" : found->second;
}

}  // namespace oiab::config
