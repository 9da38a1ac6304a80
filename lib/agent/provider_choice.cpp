#include "agent/provider_choice.hpp"

#include <fmt/format.h>
#include <algorithm>

namespace oiab::agent {
namespace {

using RowPointer = std::shared_ptr<const store::ProviderRow>;

bool stands_for(const store::ProviderRow& row, const ModelChoice& configured) {
    return !configured.model.empty() && provider_name(row) == configured.provider && row.base_url.empty() &&
           row.credentials.empty();
}

ModelChoice choice_of(const RowPointer& row, const std::string& model, const ModelChoice& configured) {
    return {provider_name(*row), model, stands_for(*row, configured) ? nullptr : row};
}

RowPointer find_named(const ProviderRows& rows, const std::string& provider) {
    const auto found =
        std::ranges::find_if(rows, [&](const RowPointer& row) { return provider_name(*row) == provider; });
    return found == rows.end() ? nullptr : *found;
}

std::unexpected<std::string> unknown(const std::string& provider) {
    return std::unexpected{
        fmt::format("the provider \"{}\" that was chosen is not set up for this user, or is switched off", provider)};
}

std::expected<ModelChoice, std::string> choose_stated(const ModelChoice& stated, const ProviderRows& rows,
                                                      const ModelChoice& configured) {
    if (stated.provider.empty()) {
        if (!configured.model.empty()) return ModelChoice{configured.provider, stated.model};
        if (!rows.empty()) return choice_of(rows.front(), stated.model, configured);
        return std::unexpected{"a model was chosen, but no provider is set up for this user"};
    }
    if (const auto row = find_named(rows, stated.provider)) return choice_of(row, stated.model, configured);
    if (stated.provider == configured.provider && !configured.model.empty())
        return ModelChoice{configured.provider, stated.model};
    return unknown(stated.provider);
}

}  // namespace

const std::string& provider_name(const store::ProviderRow& row) noexcept {
    return row.provider.empty() ? row.kind : row.provider;
}

std::expected<ModelChoice, std::string> choose_provider(const StatedChoices& stated, const ProviderRows& rows,
                                                        const ModelChoice& configured) {
    for (const auto* choice : {&stated.template_override, &stated.session_choice})
        if (*choice && !(*choice)->model.empty()) return choose_stated(**choice, rows, configured);
    const auto usual = std::ranges::find_if(rows, [](const RowPointer& row) { return !row->default_model.empty(); });
    if (usual != rows.end()) return choice_of(*usual, (*usual)->default_model, configured);
    if (!configured.model.empty()) return configured;
    return std::unexpected{
        "no model is set up for this user: neither a provider with a default model nor llm_base_url and llm_model"};
}

std::expected<ModelChoice, std::string> find_again(const ModelChoice& frozen, const std::optional<std::string>& row_id,
                                                   const ProviderRows& rows) {
    if (!row_id) return frozen;
    const auto same = std::ranges::find_if(rows, [&](const RowPointer& row) { return row->id == *row_id; });
    const auto row = same != rows.end() ? *same : find_named(rows, frozen.provider);
    if (!row) return unknown(frozen.provider);
    return ModelChoice{frozen.provider, frozen.model, row};
}

}  // namespace oiab::agent
