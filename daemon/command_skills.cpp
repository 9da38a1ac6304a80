#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "daemon/commands.hpp"
#include "daemon/database.hpp"
#include "daemon/exit_code.hpp"
#include "daemon/output.hpp"
#include "pg/transaction.hpp"

namespace oiab::daemon {
namespace {

using nlohmann::json;

json or_null(const std::string& text) { return text.empty() ? json(nullptr) : json(text); }

template <typename Id>
json or_null(const std::optional<Id>& id) {
    return id ? json(id->to_string()) : json(nullptr);
}

json to_json(const store::SkillView& skill) {
    return {{"id", skill.id.to_string()},
            {"tenantId", or_null(skill.tenant_id)},
            {"name", skill.name},
            {"description", skill.description},
            {"status", skill.status},
            {"version", skill.version},
            {"sourceTrajectories", json_of(skill.source_trajectories)},
            {"promotedBy", or_null(skill.promoted_by)},
            {"createdAt", skill.created_at},
            {"promotedAt", or_null(skill.promoted_at)},
            {"deprecatedAt", or_null(skill.deprecated_at)}};
}

std::string skill_text(const store::SkillView& skill) {
    std::string text = fmt::format("name         {}\nstatus       {}\nversion      {}\n", harmless(skill.name),
                                   skill.status, skill.version);
    text += fmt::format("tenant       {}\n", skill.tenant_id ? skill.tenant_id->to_string() : "none");
    text += fmt::format("proposed     {} UTC\n", to_the_second(skill.created_at));
    if (!skill.promoted_at.empty()) text += fmt::format("promoted     {} UTC\n", to_the_second(skill.promoted_at));
    if (skill.promoted_by) text += fmt::format("by           {}\n", skill.promoted_by->to_string());
    if (!skill.deprecated_at.empty()) text += fmt::format("deprecated   {} UTC\n", to_the_second(skill.deprecated_at));
    text += fmt::format("made of      {} turns\ndescription  {}\n\n", json_of(skill.source_trajectories).size(),
                        harmless(skill.description));
    // Line by line: a terminal obeys escape sequences, and line breaks are wanted here.
    std::string_view body = skill.body;
    while (!body.empty()) {
        const auto end = std::min(body.find('\n'), body.size());
        text += harmless(body.substr(0, end)) + "\n";
        body.remove_prefix(std::min(body.size(), end + 1));
    }
    return text;
}

/// What became of one id: a word for programs, a sentence for people.
struct Answer {
    std::string word;
    std::string sentence;
    int exit_code = kExitDone;
};

Answer decide(pg::Session& session, const SkillsDecideCommand& command, store::SkillId id) {
    const auto verb = command.decision == store::SkillDecision::kPromote ? "promoted" : "deprecated";
    try {
        const auto skill = pg::in_transaction(
            session, [&](pg::Transaction& tx) { return store::decide_skill(tx, id, command.decision, command.by); });
        if (skill.changed) {
            return {verb,
                    fmt::format("skill {} \"{}\" is {}, version {}", id.to_string(), skill.name, verb, skill.version)};
        }
        return {"unchanged", fmt::format("skill {} is {} already; nothing was changed", id.to_string(), verb),
                kExitNothing};
    } catch (const pg::DatabaseError& e) {
        // These are the function's own sentences; anything else is trouble with the database.
        const bool denied = e.sqlstate() == "42501" && command.by;
        const bool refused = e.sqlstate() == "23514";
        if (e.sqlstate() != "P0002" && !denied && !refused) throw;
        std::string sentence{e.what()};
        if (sentence.starts_with("ERROR:")) sentence.erase(0, sentence.find_first_not_of(' ', 6));
        sentence.erase(std::min(sentence.find('\n'), sentence.size()));
        if (denied) return {"denied", sentence, kExitError};
        return {refused ? "refused" : "not_found", sentence, kExitNothing};
    }
}

}  // namespace

int run(const Context& context, const SkillsListCommand& command) {
    pg::Session session{session_settings(context.settings, "skills")};
    const auto skills =
        pg::in_transaction(session, [&command](pg::Transaction& tx) { return store::list_skills(tx, command.filter); });
    if (context.form == Form::kJson) {
        auto list = json::array();
        for (const auto& skill : skills) list.push_back(to_json(skill));
        print_json(list);
        return kExitDone;
    }
    if (skills.empty()) {
        print("No skills.\n");
        return kExitDone;
    }
    Table table{{"ID", "NAME", "STATUS", "VERSION", "PROPOSED (UTC)", "DESCRIPTION"}};
    for (const auto& skill : skills) {
        table.add({skill.id.to_string(), cut(skill.name, 40), skill.status, std::to_string(skill.version),
                   to_the_second(skill.created_at), cut(skill.description, 60)});
    }
    print(table.render());
    return kExitDone;
}

int run(const Context& context, const SkillsShowCommand& command) {
    pg::Session session{session_settings(context.settings, "skills")};
    const auto skill =
        pg::in_transaction(session, [&command](pg::Transaction& tx) { return store::find_skill(tx, command.id); });
    if (!skill) {
        complain("there is no skill " + command.id.to_string());
        return kExitNothing;
    }
    if (context.form == Form::kJson) {
        auto value = to_json(*skill);
        value["body"] = skill->body;
        print_json(value);
    } else {
        print(skill_text(*skill));
    }
    return kExitDone;
}

int run(const Context& context, const SkillsDecideCommand& command) {
    pg::Session session{session_settings(context.settings, "skills")};
    auto list = json::array();
    int exit_code = kExitDone;
    for (const auto id : command.ids) {
        const auto answer = decide(session, command, id);
        // Every id is tried; an error weighs more than nothing to do.
        if (exit_code != kExitError && answer.exit_code != kExitDone) exit_code = answer.exit_code;
        list.push_back({{"id", id.to_string()}, {"answer", answer.word}});
        if (context.form == Form::kJson) continue;
        if (answer.exit_code == kExitDone) print(harmless(answer.sentence) + "\n");
        else complain(harmless(answer.sentence));
    }
    if (context.form == Form::kJson) print_json(list);
    return exit_code;
}

}  // namespace oiab::daemon
