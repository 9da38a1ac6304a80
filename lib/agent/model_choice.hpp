#pragma once
/// @file  Which model a turn uses. Pure; any thread.

#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace oiab::store {
struct ProviderRow;
}

namespace oiab::agent {

struct ModelChoice {
    std::string provider;  ///< providerID; empty where only a model was named
    std::string model;
    /// Where calls go and with which credentials; nullptr: to the configured endpoint.
    std::shared_ptr<const store::ProviderRow> row{};
};

/// Where a choice may come from, strongest first.
struct ModelSources {
    std::optional<ModelChoice> template_override;  ///< frozen in the session
    std::optional<ModelChoice> session_choice;
    std::optional<ModelChoice> user_provider;    ///< the user's preferred provider row and its default model
    std::optional<ModelChoice> tenant_provider;  ///< the tenant's
    ModelChoice configured;
};

/// The strongest source that names a model.
[[nodiscard]] ModelChoice choose_model(const ModelSources& sources);

/// Reads `{"providerID": …, "modelID": …}`, in snake_case, too. @returns nullopt where no model is named.
[[nodiscard]] std::optional<ModelChoice> parse_model_choice(std::string_view json_text);

}  // namespace oiab::agent
