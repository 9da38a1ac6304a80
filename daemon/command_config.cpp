#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "config/example.hpp"
#include "daemon/commands.hpp"
#include "daemon/exit_code.hpp"
#include "daemon/output.hpp"

namespace oiab::daemon {
namespace {

int show(const Context& context) {
    const auto& settings = context.settings;
    if (context.form == Form::kJson) {
        auto list = nlohmann::json::array();
        for (const auto& one : settings.described)
            list.push_back({{"name", one.name}, {"value", one.value}, {"origin", one.origin}});
        print_json(list);
        return kExitDone;
    }
    Table table{{"SETTING", "VALUE", "ORIGIN"}};
    for (const auto& one : settings.described) table.add({one.name, one.value.empty() ? "-" : one.value, one.origin});
    print(table.render());
    return kExitDone;
}

int check(const Context& context) {
    const auto& settings = context.settings;
    if (context.form == Form::kJson) {
        print_json({{"file", settings.file.empty() ? nlohmann::json(nullptr) : nlohmann::json(settings.file)},
                    {"warnings", settings.warnings}});
        return kExitDone;
    }
    for (const auto& warning : settings.warnings) complain("warning: " + warning);
    print(settings.file.empty() ? "The configuration can be used; no file was read.\n"
                                : fmt::format("The configuration can be used; {} was read.\n", settings.file));
    return kExitDone;
}

}  // namespace

int run(const Context& context, const ConfigCommand& command) {
    switch (command.verb) {
        case ConfigVerb::kShow: return show(context);
        case ConfigVerb::kCheck: return check(context);
        case ConfigVerb::kExample: print(config::example_file()); return kExitDone;
    }
    return kExitError;
}

}  // namespace oiab::daemon
