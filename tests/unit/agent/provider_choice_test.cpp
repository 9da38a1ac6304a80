#include "agent/provider_choice.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

namespace {

using namespace oiab::agent;
using oiab::store::ProviderOwner;
using oiab::store::ProviderRow;

std::shared_ptr<const ProviderRow> row(std::string id, ProviderOwner owner, std::string provider, std::string model,
                                       std::string base_url = "http://h", std::string kind = "openai-compatible") {
    ProviderRow made;
    made.id = std::move(id);
    made.owner = owner;
    made.provider = std::move(provider);
    made.kind = std::move(kind);
    made.base_url = std::move(base_url);
    made.default_model = std::move(model);
    return std::make_shared<const ProviderRow>(std::move(made));
}

const auto kUser = row("u", ProviderOwner::kUser, "openai", "user-model");
const auto kUserOther = row("uo", ProviderOwner::kUser, "anthropic", "");
const auto kTenant = row("t", ProviderOwner::kTenant, "openai", "tenant-model");
const auto kTenantOther = row("to", ProviderOwner::kTenant, "mistral", "tenant-other");
const auto kInstallation = row("i", ProviderOwner::kInstallation, "openai", "installation-model");
const auto kStandIn = row("s", ProviderOwner::kTenant, "local", "stand-in-model", "");
const ModelChoice kConfigured{"local", "configured-model"};
const ModelChoice kNothing{"local", ""};

struct Case {
    const char* what;
    std::optional<ModelChoice> override;
    std::optional<ModelChoice> session;
    ProviderRows rows;
    ModelChoice configured;
    const char* expected;  ///< "provider model row-or-dash", or a part of the refusal behind "!"
};

}  // namespace

TEST_CASE(
    "provider choice: what was stated, else the user's, the tenant's, the installation's row, else configuration") {
    const ModelChoice openai{"openai", "m"};
    const ModelChoice model_only{"", "m"};
    const auto given = GENERATE_COPY(values<Case>({
        {"nothing at all", {}, {}, {}, kConfigured, "local configured-model -"},
        {"nothing anywhere", {}, {}, {}, kNothing, "!no model is set up"},
        {"the user's row first", {}, {}, {kUser, kTenant, kInstallation}, kConfigured, "openai user-model u"},
        {"a row without a model does not count", {}, {}, {kUserOther, kTenant}, kConfigured, "openai tenant-model t"},
        {"then the tenant's", {}, {}, {kTenant, kInstallation}, kConfigured, "openai tenant-model t"},
        {"then the installation's", {}, {}, {kInstallation}, kConfigured, "openai installation-model i"},
        {"rows without configuration", {}, {}, {kInstallation}, kNothing, "openai installation-model i"},
        {"a stand-in for the configured one", {}, {}, {kStandIn}, kConfigured, "local stand-in-model -"},
        {"it stands in for nothing where there is none", {}, {}, {kStandIn}, kNothing, "local stand-in-model s"},
        {"the session's choice", {}, openai, {kUser, kTenant}, kConfigured, "openai m u"},
        {"of the tenant's where the user has none", {}, openai, {kUserOther, kTenant}, kConfigured, "openai m t"},
        {"a row without a default model can be named",
         {},
         ModelChoice{"anthropic", "c"},
         {kUser, kUserOther},
         kConfigured,
         "anthropic c uo"},
        {"the template goes before the session",
         ModelChoice{"mistral", "x"},
         openai,
         {kUser, kTenantOther},
         kConfigured,
         "mistral x to"},
        {"a template without a model states nothing",
         ModelChoice{"mistral", ""},
         openai,
         {kUser, kTenantOther},
         kConfigured,
         "openai m u"},
        {"the configured one by its name", {}, ModelChoice{"local", "m"}, {kUser}, kConfigured, "local m -"},
        {"not where there is none", {}, ModelChoice{"local", "m"}, {kUser}, kNothing, "!\"local\""},
        {"a row of that name goes before it",
         {},
         ModelChoice{"local", "m"},
         {kUser, row("l", ProviderOwner::kUser, "local", "")},
         kConfigured,
         "local m l"},
        {"only a model: the configured one", {}, model_only, {kUser}, kConfigured, "local m -"},
        {"only a model: the first row where there is none", {}, model_only, {kUser}, kNothing, "openai m u"},
        {"only a model, and nobody to ask", {}, model_only, {}, kNothing, "!no provider is set up"},
        {"a provider that is not there goes to nobody else",
         {},
         ModelChoice{"gone", "m"},
         {kUser, kTenant},
         kConfigured,
         "!\"gone\" that was chosen is not set up"},
        {"a template's as well", ModelChoice{"gone", "m"}, openai, {kUser}, kConfigured, "!\"gone\""},
        {"a row without a name has its kind's",
         {},
         ModelChoice{"anthropic", "m"},
         {row("n", ProviderOwner::kUser, "", "", "http://h", "anthropic")},
         kConfigured,
         "anthropic m n"},
    }));
    INFO(given.what);
    const auto chosen = choose_provider({given.override, given.session}, given.rows, given.configured);
    const std::string expected = given.expected;
    if (expected.starts_with('!')) {
        REQUIRE_FALSE(chosen.has_value());
        CHECK(chosen.error().find(expected.substr(1)) != std::string::npos);
        return;
    }
    REQUIRE(chosen.has_value());
    CHECK(chosen->provider + " " + chosen->model + " " + (chosen->row ? chosen->row->id : "-") == expected);
}

TEST_CASE("provider choice: a retry finds the row of its first attempt, else one of that name, else nothing") {
    const ModelChoice frozen{"openai", "m-1"};
    CHECK(find_again(frozen, "t", {kUser, kTenant})->row == kTenant);
    CHECK(find_again(frozen, "t", {kUser, kTenant})->model == "m-1");
    CHECK(find_again(frozen, "t", {kUser})->row == kUser);
    CHECK_FALSE(find_again(frozen, "t", {kTenantOther}).has_value());
    CHECK(find_again(frozen, std::nullopt, {kUser})->row == nullptr);
}
