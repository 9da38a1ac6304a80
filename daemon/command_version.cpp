#include <nlohmann/json.hpp>

#include "daemon/commands.hpp"
#include "daemon/exit_code.hpp"
#include "daemon/output.hpp"

namespace oiab::daemon {

int run(Form form, const VersionCommand&) {
    if (form == Form::kJson) print_json({{"version", OIAB_VERSION}});
    else print("oiabd " OIAB_VERSION "\n");
    return kExitDone;
}

}  // namespace oiab::daemon
