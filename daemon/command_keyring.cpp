#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "agent/reencryption.hpp"
#include "daemon/commands.hpp"
#include "daemon/database.hpp"
#include "daemon/exit_code.hpp"
#include "daemon/keyring_place.hpp"
#include "daemon/output.hpp"

namespace oiab::daemon {
namespace {

using nlohmann::json;
using secrets::Key;

template <typename Value>
Value or_throw(std::expected<Value, secrets::KeyringError> answer) {
    if (!answer) throw std::runtime_error{answer.error().message};
    if constexpr (!std::is_void_v<Value>) return std::move(*answer);
}

/// Two rotations at once would each drop the other's new key. The lock is on the directory, since the file is replaced.
class RotationLock {
public:
    explicit RotationLock(const secrets::KeyringPlace& place) {
        auto directory = std::filesystem::path{place.path}.parent_path();
        if (directory.empty()) directory = ".";
        descriptor_ = ::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (descriptor_ >= 0 && ::flock(descriptor_, LOCK_EX | LOCK_NB) != 0) {
            ::close(descriptor_);
            throw std::runtime_error{"another rotation of this keyring is under way"};
        }
    }
    RotationLock(const RotationLock&) = delete;
    RotationLock& operator=(const RotationLock&) = delete;
    ~RotationLock() {
        if (descriptor_ >= 0) ::close(descriptor_);
    }

private:
    int descriptor_ = -1;
};

json to_json(const std::vector<Key>& keys) {
    auto list = json::array();
    for (const auto& key : keys) list.push_back({{"name", key.name()}, {"encrypts", list.empty()}});
    return list;
}

json to_json(const agent::SealedSurvey& survey) {
    auto list = json::array();
    for (const auto& place : survey.places)
        list.push_back({{"place", place.place},
                        {"total", place.total()},
                        {"byKey", place.by_key},
                        {"unreadable", place.unreadable},
                        {"rewritten", place.rewritten}});
    return list;
}

/// "providers.credentials 12, gateways.bot_token 1"
std::string in_words(const agent::SealedSurvey& survey, std::int64_t agent::SealedCount::* member) {
    std::string text;
    for (const auto& place : survey.places)
        if (place.*member > 0) text += fmt::format("{}{} {}", text.empty() ? "" : ", ", place.place, place.*member);
    return text;
}

int init(const Context& context, const secrets::KeyringPlace& place) {
    const std::vector<Key> keys{Key::make_random()};
    or_throw(secrets::create_keys(place, keys));
    if (context.form == Form::kJson) {
        print_json({{"file", place.path}, {"keys", to_json(keys)}});
    } else {
        print(
            fmt::format("The keyring {} has one key now, {}. Keep a copy in a safe place: without it the stored\n"
                        "credentials cannot be read.\n",
                        place.path, keys.front().name()));
    }
    return kExitDone;
}

int status(const Context& context, const secrets::KeyringPlace& place) {
    const auto keys = or_throw(secrets::load_keys(place));
    pg::Session session{session_settings(context.settings, "keyring")};
    const auto survey = agent::survey_sealed(session, keys);
    if (context.form == Form::kJson) {
        print_json({{"file", place.path}, {"keys", to_json(keys)}, {"sealed", to_json(survey)}});
        return survey.unreadable() == 0 ? kExitDone : kExitError;
    }
    print(fmt::format("{}\n\n", place.path));
    Table table{{"KEY", "USE", "SECRETS"}};
    for (const auto& key : keys)
        table.add({key.name(), key == keys.front() ? "encrypts and decrypts" : "decrypts",
                   std::to_string(survey.opened_by(key.name()))});
    print(table.render());
    if (survey.unreadable() == 0) return kExitDone;
    print(fmt::format("\nNo key here opens: {}\n", in_words(survey, &agent::SealedCount::unreadable)));
    return kExitError;
}

struct Arrangement {
    std::vector<Key> keys;
    std::string prepared;  ///< the name of the key that waits for --promote; empty for none

    bool operator==(const Arrangement&) const = default;
};

/// How it is to be before anything is encrypted anew. Repeating a command that broke off changes nothing more.
/// @throws std::runtime_error with the reason where that cannot be
Arrangement arranged(Arrangement now, const KeyringCommand& command) {
    auto& [keys, prepared] = now;
    switch (command.rotation) {
        case Rotation::kPrepare:
            if (!prepared.empty()) break;
            keys.push_back(Key::make_random());
            prepared = keys.back().name();
            break;
        case Rotation::kPromote:
            if (keys.size() == 1)
                throw std::runtime_error{
                    "there is no other key to promote; `oiabd keyring rotate --prepare` makes one"};
            // Without a mark it has been promoted already: what is left is encrypted anew.
            if (prepared.empty()) break;
            std::ranges::rotate(keys.begin(), std::ranges::find(keys, prepared, &Key::name),
                                std::ranges::find(keys, prepared, &Key::name) + 1);
            prepared.clear();
            break;
        case Rotation::kNewKey:
            // With several, --retire finishes an earlier rotation.
            if (!command.retire || keys.size() == 1) keys.insert(keys.begin(), Key::make_random());
            break;
    }
    if (command.retire && !prepared.empty())
        throw std::runtime_error{
            fmt::format("the key {} is prepared and not in use yet, so none is dropped; `oiabd keyring rotate "
                        "--promote` comes first",
                        prepared)};
    return now;
}

/// Drops all keys but the first, where that loses nothing. @throws std::runtime_error with the reason why not
void retire(const secrets::KeyringPlace& place, const std::vector<Key>& keys, const agent::SealedSurvey& survey,
            pg::Session& session) {
    if (!agent::sees_all_sealed(session))
        throw std::runtime_error{
            "row-level security hides secrets from this role, so no key is dropped; use the owner of the tables"};
    const auto still_used = [&](const agent::SealedSurvey& found) {
        return std::ranges::any_of(keys.begin() + 1, keys.end(),
                                   [&](const Key& key) { return found.opened_by(key.name()) > 0; });
    };
    if (still_used(survey))
        throw std::runtime_error{
            "something still writes secrets with an old key, so none is dropped; give every program the new keyring "
            "and try again"};
    or_throw(secrets::replace_keys(place, {keys.front()}));
    // Whoever wrote between the look and the change would have lost a secret; the old keys come back then.
    if (still_used(agent::survey_sealed(session, keys))) {
        or_throw(secrets::replace_keys(place, keys));
        throw std::runtime_error{
            "a secret was written with an old key at the last moment, so the old keys are back; try again"};
    }
}

int rotate(const Context& context, const secrets::KeyringPlace& place, const KeyringCommand& command) {
    const RotationLock lock{place};
    const Arrangement before{or_throw(secrets::load_keys(place)), or_throw(secrets::load_prepared(place))};
    const auto planned = arranged(before, command);
    const auto& keys = planned.keys;
    pg::Session session{session_settings(context.settings, "keyring")};
    // Before the file changes: a rotation that cannot reach the database shall leave no trace.
    session.connect();
    if (planned != before) or_throw(secrets::replace_keys(place, keys, planned.prepared));
    if (command.rotation == Rotation::kPrepare) {
        if (context.form == Form::kJson) print_json({{"file", place.path}, {"keys", to_json(keys)}});
        else
            print(
                fmt::format("The key {} can decrypt now. Copy {} to every host, then `oiabd keyring rotate "
                            "--promote`.\n",
                            planned.prepared, place.path));
        return kExitDone;
    }
    const auto survey = agent::reencrypt(session, keys);
    if (command.retire) retire(place, keys, survey, session);
    const auto after = command.retire ? std::vector<Key>{keys.front()} : keys;
    if (context.form == Form::kJson) {
        print_json({{"file", place.path}, {"keys", to_json(after)}, {"sealed", to_json(survey)}});
    } else {
        print(fmt::format("{} secrets are encrypted by the key {} now; {}\n", survey.rewritten(), keys.front().name(),
                          after.size() == 1 ? "it is the only one."
                                            : "the old ones still decrypt until `oiabd keyring rotate --retire`."));
        if (survey.unreadable() > 0)
            print(fmt::format("No key here opens, so these stay as they are: {}\n",
                              in_words(survey, &agent::SealedCount::unreadable)));
    }
    return kExitDone;
}

}  // namespace

int run(const Context& context, const KeyringCommand& command) {
    const auto place = keyring_place(context.settings);
    switch (command.verb) {
        case KeyringVerb::kInit: return init(context, place);
        case KeyringVerb::kRotate: return rotate(context, place, command);
        case KeyringVerb::kStatus: break;
    }
    return status(context, place);
}

}  // namespace oiab::daemon
