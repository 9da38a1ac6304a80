#include "daemon/command_definitions.hpp"

namespace oiab::daemon {

void define_chat(CLI::App& app, Invocation& invocation) {
    struct Text {
        ChatCommand command;
        std::string message, job;
    };
    auto text = std::make_shared<Text>();
    auto& command = text->command;
    auto* chat = add_command(
        app, "chat", "Talk to an agent in a session and watch the answers arrive",
        "Every message becomes an agent-turn job; a worker must be running (oiabd).\n\n"
        "Examples:\n"
        "  oiabd chat --user ada\n"
        "  oiabd chat --session 1f0c… \"When does project Aurora launch?\"\n"
        "  oiabd chat --session 1f0c… --job ID --from 1200 --json     (goes on where a reader stopped)\n\n"
        "In a conversation: /orchestrate TASK, /plan-status ID, /help. Ctrl-C cancels the answer, Ctrl-D ends.");
    auto* message = chat->add_option("MESSAGE", text->message, "Ask this, show the answer, and end")->type_name("");
    auto* session =
        chat->add_option("-s,--session", command.session_id, "The session (default: a new one)")->type_name("ID");
    chat->add_option("-u,--user", command.user,
                     "Handle or id of whoever talks (default: the session's user, or the operator)")
        ->type_name("USER");
    chat->add_option("--template", command.template_slug, "Agent template of a new session")
        ->type_name("SLUG")
        ->excludes(session);
    chat->add_option("--history", command.history, "Earlier messages to show first")
        ->type_name("NUMBER")
        ->check(CLI::Range(0, 1000))
        ->capture_default_str();
    auto* job = chat->add_option("--job", text->job, "Only follow this turn of the session")
                    ->type_name("ID")
                    ->needs(session)
                    ->excludes(message);
    chat->add_option("--from", command.from, "With --job: bytes of its answer that you have, as `next` told")
        ->type_name("OFFSET")
        ->check(CLI::NonNegativeNumber)
        ->needs(job);
    chat->callback([text, message, job, &invocation] {
        auto parsed = text->command;
        if (message->count() > 0) {
            if (text->message.find_first_not_of(" \t\r\n") == std::string::npos)
                throw CLI::ValidationError("MESSAGE must not be empty");
            parsed.message = text->message;
        }
        if (job->count() > 0) parsed.job = job_id_of(text->job);
        invocation.command = parsed;
    });
}

}  // namespace oiab::daemon
