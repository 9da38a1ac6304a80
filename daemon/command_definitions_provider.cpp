#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "clients/chat_factory.hpp"
#include "config/value.hpp"
#include "daemon/command_definitions.hpp"

namespace oiab::daemon {
namespace {

struct ScopeText {
    std::string tenant, user;

    void define(CLI::App& command, const std::string& whose) {
        auto* of_tenant = command.add_option("--tenant", tenant, whose + " of this tenant")->type_name("UUID");
        command.add_option("--user", user, whose + " of this user")->type_name("UUID")->excludes(of_tenant);
    }
    [[nodiscard]] store::ProviderScope meant() const {
        store::ProviderScope scope;
        if (!tenant.empty()) scope.tenant_id = core::TenantId::parse(tenant);
        if (!user.empty()) scope.user_id = core::UserId::parse(user);
        if (!tenant.empty() && !scope.tenant_id)
            throw CLI::ValidationError(fmt::format("--tenant must be a UUID, not {}", config::quote(tenant)));
        if (!user.empty() && !scope.user_id)
            throw CLI::ValidationError(fmt::format("--user must be a UUID, not {}", config::quote(user)));
        return scope;
    }
};

struct AddText {
    std::string name, kind, base_url, api_version, model, title, settings = "{}", key_file, key_env;
    ScopeText scope;
    bool preferred = false, no_key = false, replace = false;

    [[nodiscard]] ProviderAddCommand meant() const {
        if (name.empty() || name.size() > 200) throw CLI::ValidationError("NAME must have 1 to 200 characters");
        ProviderAddCommand command;
        auto& provider = command.provider;
        provider.scope = scope.meant();
        provider.provider = name;
        // Whoever adds "anthropic" means that one.
        provider.kind = !kind.empty() ? kind : clients::parse_chat_protocol(name) ? name : "openai-compatible";
        provider.base_url = base_url;
        provider.api_version = api_version;
        provider.default_model = model;
        provider.display_name = title;
        provider.preferred = preferred;
        provider.settings = settings;
        const auto parsed = nlohmann::json::parse(settings, nullptr, false);
        if (!parsed.is_object()) throw CLI::ValidationError("--settings must be a JSON object");
        command.replace = replace;
        if (no_key) command.key_source = KeySource::kNone;
        if (!key_file.empty() && key_file != "-") {
            command.key_source = KeySource::kFile;
            command.key_place = key_file;
        }
        if (!key_env.empty()) {
            command.key_source = KeySource::kEnvironment;
            command.key_place = key_env;
        }
        return command;
    }
};

void define_add(CLI::App& provider, Invocation& invocation) {
    auto text = std::make_shared<AddText>();
    auto* add = add_command(
        provider, "add", "Add a provider of models, its key encrypted",
        "The key is asked for, or read from stdin; it never stands on the command line.\n\n"
        "Examples:\n"
        "  oiabd provider add anthropic --model claude-sonnet-4-5 < key.txt\n"
        "  oiabd provider add azure --kind azure-openai --base-url https://NAME.openai.azure.com --key-env AZURE_KEY\n"
        "  oiabd provider add ollama --base-url http://localhost:11434/v1 --model llama3.2 --no-key");
    add->add_option("NAME", text->name, "What sessions and templates call it (providerID)")->type_name("")->required();
    add->add_option("--kind", text->kind, "Which protocol it speaks (default: NAME where that is one)")
        ->type_name("KIND")
        ->check(CLI::IsMember({"openai-compatible", "openai", "azure-openai", "anthropic"}));
    add->add_option("--base-url", text->base_url, "Address of its API (default: the provider's own)")->type_name("URL");
    add->add_option("--api-version", text->api_version, "Of Azure's dated API; without it, the newer one")
        ->type_name("VERSION");
    add->add_option("--model", text->model, "Model for turns that name none")->type_name("MODEL");
    add->add_option("--title", text->title, "Name to show")->type_name("TEXT");
    add->add_option("--settings", text->settings,
                    "JSON: auth (bearer, api-key), deployment, maxOutputTokens, headers, check (chat)")
        ->type_name("JSON");
    text->scope.define(*add, "A provider");
    add->add_flag("--preferred", text->preferred, "Goes before the owner's others");
    auto* file = add->add_option("--key-file", text->key_file, "A file that holds the key; - is stdin");
    file->type_name("FILE");
    auto* env = add->add_option("--key-env", text->key_env, "A variable of the environment that holds the key");
    env->type_name("NAME")->excludes(file);
    add->add_flag("--no-key", text->no_key, "The endpoint asks for none")->excludes(file)->excludes(env);
    add->add_flag("--replace", text->replace, "Overwrite the owner's provider of this name");
    add->callback([text, &invocation] { invocation.command = text->meant(); });
}

void define_verb(CLI::App& provider, Invocation& invocation, const std::string& name, ProviderVerb verb,
                 const std::string& summary) {
    struct Text {
        std::string provider;
        ScopeText scope;
    };
    auto text = std::make_shared<Text>();
    auto* command = add_command(provider, name, summary);
    command->add_option("PROVIDER", text->provider, "Its name or id")->type_name("")->required();
    text->scope.define(*command, "The one");
    command->callback(
        [text, verb, &invocation] { invocation.command = ProviderCommand{verb, text->provider, text->scope.meant()}; });
}

}  // namespace

void define_provider(CLI::App& app, Invocation& invocation) {
    auto* provider = add_command(app, "provider", "Set up providers of models");
    provider->require_subcommand(1);
    define_add(*provider, invocation);
    auto scope = std::make_shared<ScopeText>();
    auto* list = add_command(*provider, "list", "List the providers and what their last check said");
    scope->define(*list, "Only those");
    list->callback([scope, &invocation] { invocation.command = ProviderListCommand{scope->meant()}; });
    define_verb(*provider, invocation, "test", ProviderVerb::kTest,
                "Make the cheapest call that proves the key; print latency and models");
    define_verb(*provider, invocation, "remove", ProviderVerb::kRemove, "Remove a provider with its key");
}

}  // namespace oiab::daemon
