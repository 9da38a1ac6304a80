#include "agent/model_choice.hpp"

#include <initializer_list>
#include <nlohmann/json.hpp>

#include "core/json_text.hpp"

namespace oiab::agent {
namespace {

using nlohmann::json;

std::string read_first(const json& object, std::initializer_list<const char*> names) {
    for (const char* name : names) {
        if (const auto it = object.find(name); it != object.end() && it->is_string()) return it->get<std::string>();
    }
    return {};
}

}  // namespace

ModelChoice choose_model(const ModelSources& sources) {
    for (const auto* source :
         {&sources.template_override, &sources.session_choice, &sources.user_provider, &sources.tenant_provider}) {
        if (*source && !(*source)->model.empty()) return **source;
    }
    return sources.configured;
}

std::optional<ModelChoice> parse_model_choice(std::string_view json_text) {
    const json value = core::parse_foreign_json(json_text);
    if (!value.is_object()) return std::nullopt;
    ModelChoice choice{read_first(value, {"providerID", "providerId", "provider_id", "provider"}),
                       read_first(value, {"modelID", "modelId", "model_id", "model"})};
    if (choice.model.empty()) return std::nullopt;
    return choice;
}

}  // namespace oiab::agent
