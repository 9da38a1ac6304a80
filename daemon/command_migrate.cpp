#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "daemon/commands.hpp"
#include "daemon/database.hpp"
#include "daemon/exit_code.hpp"
#include "daemon/output.hpp"
#include "pg/migrator.hpp"

namespace oiab::daemon {
namespace {

int check(Form form, pg::Migrator& migrator) {
    const auto changes = migrator.check();
    if (form == Form::kJson) {
        print_json({{"changes", changes}});
    } else if (changes.empty()) {
        print("The schema is up to date.\n");
    } else {
        print("`oiabd migrate` would do this:\n");
        for (const auto& change : changes) print("  " + harmless(change) + "\n");
    }
    return changes.empty() ? kExitDone : kExitNothing;
}

}  // namespace

int run(const Context& context, const MigrateCommand& command) {
    pg::Migrator migrator{session_settings(context.settings, "migrate"), migrator_settings(context.settings)};
    if (command.check) return check(context.form, migrator);
    const bool changed = migrator.migrate();
    if (context.form == Form::kJson) print_json({{"changed", changed}});
    else print(changed ? "The schema is up to date now.\n" : "The schema was up to date already.\n");
    return kExitDone;
}

}  // namespace oiab::daemon
