#include "daemon/command_definitions.hpp"

namespace oiab::daemon {

void define_mcp(CLI::App& app, Invocation& invocation) {
    auto* group = add_command(app, "mcp", "Try the configured servers of tools (Model Context Protocol)");
    group->require_subcommand(1);

    auto list = std::make_shared<McpCommand>();
    auto* show = add_command(*group, "list", "Ask the servers what they are and which tools they have",
                             "Examples:\n  oiabd mcp list\n  oiabd mcp list files --user ada");
    show->add_option("SERVER", list->server, "Only this one, as the configuration calls it")->type_name("");
    auto user = std::make_shared<std::string>();
    auto* user_option =
        show->add_option("-u,--user", *user, "Handle or id: say which tools this user may use")->type_name("USER");
    show->callback([list, user, user_option, &invocation] {
        auto parsed = *list;
        if (user_option->count() > 0) parsed.user = *user;
        invocation.command = parsed;
    });

    auto call = std::make_shared<McpCommand>();
    call->verb = McpVerb::kCall;
    auto* make = add_command(*group, "call", "Call a tool and print what a model would be told",
                             "Example:\n  oiabd mcp call files read_file '{\"path\": \"notes.txt\"}'\n\n"
                             "The call is made as it is: roles are not asked, and nothing is recorded.");
    make->add_option("SERVER", call->server, "The server, as the configuration calls it")->type_name("")->required();
    make->add_option("TOOL", call->tool, "The tool, as the server calls it")->type_name("")->required();
    make->add_option("ARGUMENTS", call->arguments, "A JSON object (default: {})")->type_name("");
    make->callback([call, &invocation] { invocation.command = *call; });
}

}  // namespace oiab::daemon
