#include <fmt/format.h>
#include <pwd.h>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include "daemon/commands.hpp"
#include "daemon/database.hpp"
#include "daemon/exit_code.hpp"
#include "daemon/output.hpp"
#include "pg/transaction.hpp"

namespace oiab::daemon {
namespace {

std::string_view word_for(queue::PauseScope scope) {
    switch (scope) {
        case queue::PauseScope::kAll: return "all";
        case queue::PauseScope::kKind: return "kind";
        case queue::PauseScope::kTenant: return "tenant";
    }
    return "";
}

std::string in_words(const queue::Pause& what) {
    if (what.scope == queue::PauseScope::kAll) return "everything";
    return fmt::format("{} {}", word_for(what.scope), what.name);
}

/// Who pauses, for whoever asks later: the system's user at this host.
std::string present_user() {
    char host[256] = "";
    (void)::gethostname(host, sizeof host - 1);
    const auto* user = ::getpwuid(::geteuid());
    return fmt::format("{}@{}", user != nullptr ? user->pw_name : fmt::format("uid {}", ::geteuid()), host);
}

int show_pauses(const Context& context, pg::Session& session) {
    const auto pauses = pg::in_transaction(session, [](pg::Transaction& tx) { return queue::load_pauses(tx); });
    if (context.form == Form::kJson) {
        auto list = nlohmann::json::array();
        for (const auto& pause : pauses)
            list.push_back({{"scope", word_for(pause.scope)},
                            {"name", pause.name},
                            {"reason", pause.reason},
                            {"pausedBy", pause.paused_by},
                            {"pausedAt", pause.paused_at}});
        print_json(list);
        return kExitDone;
    }
    if (pauses.empty()) {
        print("Nothing is paused. To pause: --kind KIND, --tenant UUID or --all.\n");
        return kExitDone;
    }
    Table table{{"PAUSED", "SINCE (UTC)", "BY", "REASON"}};
    for (const auto& pause : pauses)
        table.add({in_words(pause), to_the_second(pause.paused_at), pause.paused_by, pause.reason});
    print(table.render());
    return kExitDone;
}

}  // namespace

int run(const Context& context, const PauseCommand& command) {
    pg::Session session{session_settings(context.settings, "pause")};
    if (!command.what) return show_pauses(context, session);
    auto what = *command.what;
    what.paused_by = present_user();
    const bool changed = command.resume ? queue::resume(session, what.scope, what.name) : queue::pause(session, what);
    if (context.form == Form::kJson) {
        print_json(
            {{"scope", word_for(what.scope)}, {"name", what.name}, {"paused", !command.resume}, {"changed", changed}});
    } else if (command.resume) {
        print(fmt::format(fmt::runtime(changed ? "{} goes on\n" : "{} was not paused\n"), in_words(what)));
    } else {
        print(fmt::format(fmt::runtime(changed ? "{} is paused\n" : "{} was paused already\n"), in_words(what)));
    }
    return changed ? kExitDone : kExitNothing;
}

}  // namespace oiab::daemon
