#include "agent/opencode_session.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "agent/opencode_call.hpp"
#include "agent/opencode_rules.hpp"

namespace oiab::agent {
namespace {

namespace asio = boost::asio;
using clients::OpencodeModels;
using clients::OpencodeRule;
using nlohmann::json;

bool is_known(const OpencodeModels& models, std::string_view provider, std::string_view model) {
    return std::ranges::any_of(models.known,
                               [&](const auto& entry) { return entry.provider == provider && entry.model == model; });
}

std::string describe(const OpencodeModels& models) {
    constexpr std::size_t kShown = 10;
    std::string list;
    for (std::size_t i = 0; i < models.known.size() && i < kShown; ++i) {
        list += fmt::format("{}{}/{}", i == 0 ? "" : ", ", models.known[i].provider, models.known[i].model);
    }
    if (models.known.size() > kShown) list += fmt::format(" and {} more", models.known.size() - kShown);
    return list.empty() ? "none at all" : list;
}

/// The body of the step: whatever happens in it may happen again.
asio::awaitable<json> make_session(Attempt& attempt, const OpencodeRuntime& runtime, const OpencodePlace& wanted) {
    ModelChoice model = wanted.model;
    if (!model.model.empty()) {
        auto ask = [&] { return runtime.client->models(wanted.directory); };
        model = resolve_opencode_model(model, co_await insist(attempt, runtime, ask));
    }
    auto make = [&] { return runtime.client->ensure_session(wanted.session, wanted.directory); };
    co_await insist(attempt, runtime, make);
    co_return json{{"session", wanted.session},
                   {"directory", wanted.directory},
                   {"provider", model.provider},
                   {"model", model.model}};
}

}  // namespace

ModelChoice resolve_opencode_model(const ModelChoice& wanted, const OpencodeModels& models) {
    if (!wanted.provider.empty() && is_known(models, wanted.provider, wanted.model)) return wanted;
    if (wanted.provider.empty()) {
        // "provider/model", as opencode itself writes it; models have slashes of their own, too.
        const auto slash = wanted.model.find('/');
        if (slash != std::string::npos) {
            ModelChoice split{wanted.model.substr(0, slash), wanted.model.substr(slash + 1)};
            if (is_known(models, split.provider, split.model)) return split;
        }
        const auto found = std::ranges::find(models.known, wanted.model, &OpencodeModels::Entry::model);
        if (found != models.known.end()) return {found->provider, found->model};
    }
    const std::string name = wanted.provider.empty() ? wanted.model : wanted.provider + "/" + wanted.model;
    throw EndAttempt{core::failed(core::FailureReason::kError,
                                  fmt::format("opencode has no model {}; it has {}", name, describe(models)))};
}

asio::awaitable<OpencodePlace> open_opencode_session(Attempt& attempt, const OpencodeRuntime& runtime,
                                                     OpencodePlace wanted, std::string title,
                                                     std::vector<OpencodeRule> rules) {
    bool made_now = false;
    Attempt::StepBody body = [&](StepCall) -> asio::awaitable<json> {
        made_now = true;
        co_return co_await make_session(attempt, runtime, wanted);
    };
    StepOptions options;
    options.repeatable = true;
    json input{{"session", wanted.session}};
    const json stored = co_await attempt.step("opencode", std::move(input), std::move(body), std::move(options));
    OpencodePlace place{stored.at("session").get<std::string>(), stored.at("directory").get<std::string>(),
                        ModelChoice{stored.at("provider").get<std::string>(), stored.at("model").get<std::string>()}};

    bool lost = false;
    auto find = [&]() -> asio::awaitable<clients::OpencodeResult<clients::OpencodeSession>> {
        auto found = co_await runtime.client->find_session(place.session, place.directory);
        lost = !found && found.error().kind == clients::OpencodeTrouble::kNotFound;
        if (lost) found = clients::OpencodeSession{};
        co_return found;
    };
    const auto session = co_await insist(attempt, runtime, find);
    if (lost && !made_now) {
        throw EndAttempt{core::failed(core::FailureReason::kEffectUnknown,
                                      "opencode has lost the session in which this turn began: nobody knows what was "
                                      "done")};
    }
    if (!rules_end_with(session.rules, rules) || session.title != title) {
        // Rules are added behind those that are there, so that a complete set in the end replaces them.
        std::vector<OpencodeRule> added = rules_end_with(session.rules, rules) ? std::vector<OpencodeRule>{} : rules;
        auto update = [&] { return runtime.client->update_session(place.session, place.directory, title, added); };
        co_await insist(attempt, runtime, update);
    }
    co_return place;
}

}  // namespace oiab::agent
