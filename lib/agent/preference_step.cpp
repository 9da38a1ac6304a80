#include "agent/preference_step.hpp"

#include <boost/asio/error.hpp>
#include <boost/system/system_error.hpp>
#include <nlohmann/json.hpp>

#include "agent/model_call.hpp"
#include "agent/preferences.hpp"
#include "agent/trajectory.hpp"
#include "store/audit.hpp"

namespace oiab::agent {
namespace {

namespace asio = boost::asio;
using nlohmann::json;

asio::awaitable<std::vector<Preference>> ask_model(Attempt& attempt, const AgentWorld& world, const Person& person,
                                                   ModelChoice model, std::string session_id, std::string text) {
    ModelCall call;
    call.step = "preferences-model";
    call.session_id = std::move(session_id);
    call.purpose = "preferences";
    call.model = std::move(model);
    call.system_prompt = make_preference_prompt();
    call.streamed = false;
    clients::ChatMessage message;
    message.content = std::move(text);
    call.turn.push_back(std::move(message));
    const ModelReply reply = co_await call_model(attempt, world, person, std::move(call));
    co_return read_preferences(reply.content);
}

void audit(pg::Transaction& tx, const Person& person, const store::NewPreference& preference,
           const store::KeptPreference& kept) {
    store::AuditEntry entry;
    entry.entry_key = preference.idempotency_key;
    entry.tenant_id = person.tenant_id;
    entry.user_id = person.user_id;
    entry.actor = "agent:" + preference.source_session_id;
    entry.action = kept.replaced ? "memory.update" : "memory.create";
    entry.target = "memory:" + kept.id.to_string();
    entry.session_id = preference.source_session_id;
    entry.payload = json{{"kind", "preference"}, {"contentHash", sha256_hex(preference.content)}}.dump();
    store::append_audit(tx, {&entry, 1});
}

asio::awaitable<json> keep(Attempt& attempt, const Person& person, std::string session_id,
                           std::vector<Preference> found, std::string key) {
    auto write = [&](pg::Transaction& tx) {
        attempt.guard_in(tx);
        RememberedPreferences done;
        for (const Preference& preference : found) {
            store::NewPreference memory;
            memory.user_id = person.user_id;
            memory.tenant_id = person.tenant_id;
            memory.topic = preference.topic;
            memory.content = preference.content;
            memory.source_session_id = session_id;
            memory.idempotency_key = key + ":" + preference.topic;
            memory.job = attempt.job().id;
            memory.value = preference.value;
            const auto kept = store::keep_preference(tx, memory);
            if (!kept) continue;
            audit(tx, person, memory, *kept);
            (kept->replaced ? done.replaced : done.added) += 1;
        }
        return done;
    };
    const auto done = co_await attempt.transact(write);
    co_return json{{"added", done.added}, {"replaced", done.replaced}};
}

asio::awaitable<RememberedPreferences> find_and_keep(Attempt& attempt, const AgentWorld& world, const Person& person,
                                                     ModelChoice model, std::string session_id, std::string text) {
    std::vector<Preference> found;
    if (world.settings.preferences == PreferenceExtraction::kModel) {
        found = co_await ask_model(attempt, world, person, std::move(model), session_id, text);
    } else {
        found = find_preferences(text);
    }
    if (found.empty()) co_return RememberedPreferences{};
    json input = json::array();
    for (const Preference& preference : found) input.push_back(sha256_hex(preference.content));
    Attempt::StepBody body = [&](StepCall call) -> asio::awaitable<json> {
        std::string key = call.idempotency_key;
        co_return co_await keep(attempt, person, session_id, found, std::move(key));
    };
    StepOptions options;
    options.repeatable = true;
    const json kept = co_await attempt.step("preferences", std::move(input), std::move(body), std::move(options));
    co_return RememberedPreferences{kept.at("added").get<int>(), kept.at("replaced").get<int>()};
}

}  // namespace

asio::awaitable<RememberedPreferences> remember_preferences(Attempt& attempt, const AgentWorld& world,
                                                            const Person& person, ModelChoice model,
                                                            std::string session_id, std::string text) {
    if (world.settings.preferences == PreferenceExtraction::kOff || !person.permissions.write_memory)
        co_return RememberedPreferences{};
    std::string trouble;
    try {
        co_return co_await find_and_keep(attempt, world, person, std::move(model), std::move(session_id),
                                         std::move(text));
    } catch (const LeaseLost&) {
        throw;
    } catch (const boost::system::system_error& e) {
        if (e.code() == asio::error::operation_aborted) throw;
        trouble = e.what();
    } catch (const EndAttempt&) {
        // The model's refusal or silence would end the attempt of a call that the turn needs. This one it does not.
        trouble = "the model gave no answer";
    } catch (const std::exception& e) {
        trouble = e.what();
    }
    attempt.log(LogLevel::kWarning, "no preferences are remembered from this turn: " + trouble);
    co_return RememberedPreferences{};
}

}  // namespace oiab::agent
