#include <csignal>
#include <cstdio>
#include <exception>
#include <new>

#include "config/load.hpp"
#include "daemon/command_line.hpp"
#include "daemon/database.hpp"
#include "daemon/exit_code.hpp"
#include "daemon/output.hpp"
#include "daemon/service.hpp"
#include "pg/migrator.hpp"

namespace oiab::daemon {
namespace {

int run(const Context& context, const ServiceCommand&) { return run_service(context.settings); }
int run(const Context& context, const OnceCommand& command) { return run_once(context.settings, command.options); }

/// Runs the command and turns what it throws into one sentence.
int run_told(const Context& context, const Command& command) {
    try {
        return std::visit(
            [&context](const auto& one) -> int {
                if constexpr (requires { run(context, one); }) return run(context, one);
                return kExitError;  // the others have been run before the settings were loaded
            },
            command);
    } catch (const pg::DatabaseError& error) {
        complain(sentence_about(error, context.settings));
    } catch (const pg::MigrationError& error) {
        complain(error.what());
    } catch (const std::bad_alloc&) {
        complain("out of memory");
    } catch (const std::exception& error) {
        complain(error.what());
    }
    return kExitError;
}

int run(const Invocation& invocation) {
    if (const auto* command = std::get_if<CompletionCommand>(&invocation.command)) return run(*command);
    if (const auto* command = std::get_if<DocumentationCommand>(&invocation.command)) return run(*command);
    if (const auto* command = std::get_if<VersionCommand>(&invocation.command)) return run(invocation.form, *command);

    config::Sources sources{
        .file = invocation.config_file, .environment = config::read_environment(), .flags = invocation.flags};
    // The example must be there for whoever is about to mend a broken file.
    const auto* config_command = std::get_if<ConfigCommand>(&invocation.command);
    if (config_command != nullptr && config_command->verb == ConfigVerb::kExample)
        return run(Context{config::default_settings()}, *config_command);
    const auto settings = config::load(sources);
    if (!settings) {
        complain(settings.error().message);
        return kExitError;
    }
    return run_told(Context{*settings, invocation.form}, invocation.command);
}

/// An answer that could not be written is no answer; a reader that left early (`| head`) is nobody's trouble.
int flushed(int code) {
    errno = 0;
    if ((std::fflush(stdout) != 0 || std::ferror(stdout) != 0) && errno != EPIPE && errno != 0) {
        complain("cannot write the answer to stdout");
        return kExitError;
    }
    return code;
}

}  // namespace
}  // namespace oiab::daemon

int main(int argc, char** argv) {
    using namespace oiab::daemon;
    // A connection that breaks, to the database or to a pipe, is told by the call that wrote to it.
    std::signal(SIGPIPE, SIG_IGN);
    const auto invocation = parse_command_line(argc, argv);
    if (!invocation) {
        print(invocation.error().out);
        std::fputs(invocation.error().err.c_str(), stderr);
        return flushed(invocation.error().exit_code);
    }
    return flushed(run(*invocation));
}
