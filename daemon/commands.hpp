#pragma once
/// @file  The subcommands as plain values, and the functions that run them: one file each, command_<name>.cpp.

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "config/settings.hpp"
#include "core/job.hpp"
#include "daemon/once.hpp"
#include "queue/inspect.hpp"
#include "queue/pauses.hpp"
#include "store/provider_records.hpp"
#include "store/skills.hpp"

namespace oiab::daemon {

enum class Form { kTable, kJson };

/// What every command that needs the database or the settings is handed.
struct Context {
    const config::Settings& settings;
    Form form = Form::kTable;
};

struct ServiceCommand {};

struct OnceCommand {
    OnceOptions options;
};

struct EnqueueCommand {
    core::NewJob job;
    bool payload_from_stdin = false;
    bool wait = false;
    std::optional<std::chrono::milliseconds> wait_timeout;
};

struct EnqueueBatchCommand {
    std::string file;                    ///< of JSON lines; empty or "-": stdin
    std::optional<std::uint64_t> chunk;  ///< lines a transaction; nullopt: all of them in one
};

struct JobsListCommand {
    queue::JobFilter filter;
};

enum class JobVerb { kShow, kWhy, kRetry, kCancel, kDelete };

struct JobsCommand {
    JobVerb verb = JobVerb::kShow;
    std::vector<core::JobId> ids;
};

struct ResolveCommand {
    core::JobId id;
    std::string step;
    std::optional<std::string> done;  ///< JSON text; nullopt: the step is to be repeated
};

struct PauseCommand {
    bool resume = false;
    std::optional<queue::Pause> what;  ///< nullopt: show what is paused
};

struct ChatCommand {
    std::string session_id;              ///< empty: a new session
    std::string user;                    ///< handle or id; empty: the session's, or the operator
    std::string template_slug;           ///< of a new session
    std::optional<std::string> message;  ///< asked, answered, and that is all; nullopt: a conversation
    std::optional<core::JobId> job;      ///< only follow this turn
    std::int64_t from = 0;               ///< bytes of that turn's answer that the caller has already
    int history = 10;                    ///< earlier messages to show first
};

enum class TriggersVerb { kList, kNext, kFire };

struct TriggersCommand {
    TriggersVerb verb = TriggersVerb::kList;
    core::Uuid trigger;      ///< to fire
    std::string expression;  ///< whose next firings are asked for
    std::string time_zone = "UTC";
    std::optional<core::WallTime> after;
    int count = 5;
};

struct SkillsListCommand {
    store::SkillFilter filter;
};

struct SkillsShowCommand {
    store::SkillId id;
};

struct SkillsDecideCommand {
    store::SkillDecision decision = store::SkillDecision::kPromote;
    std::vector<store::SkillId> ids;
    std::optional<core::UserId> by;  ///< nullopt: an operator
};

struct WorkersCommand {};

struct HealthcheckCommand {
    std::optional<std::chrono::milliseconds> max_age;
};

struct MigrateCommand {
    bool check = false;
};

enum class KeyringVerb { kInit, kRotate, kStatus };

/// What `keyring rotate` does with the keys before it encrypts anew.
enum class Rotation {
    kNewKey,   ///< a new one becomes the first
    kPrepare,  ///< a new one becomes the last, so that it can be given to other hosts; nothing is encrypted
    kPromote,  ///< the last one becomes the first
};

struct KeyringCommand {
    KeyringVerb verb = KeyringVerb::kStatus;
    Rotation rotation = Rotation::kNewKey;
    bool retire = false;  ///< drop the other keys once they open nothing any more
};

/// Where a provider's key is read from: never from the command line, which every user of the machine can read.
enum class KeySource {
    kInput,  ///< asked for on a terminal without showing it, else stdin
    kFile,
    kEnvironment,
    kNone,  ///< the endpoint asks for none
};

struct ProviderAddCommand {
    store::NewProvider provider;  ///< without credentials
    KeySource key_source = KeySource::kInput;
    std::string key_place;  ///< path of the file, or name of the variable
    bool replace = false;
};

struct ProviderListCommand {
    store::ProviderScope scope;
};

enum class ProviderVerb { kTest, kRemove };

struct ProviderCommand {
    ProviderVerb verb = ProviderVerb::kTest;
    std::string provider;  ///< name or id
    store::ProviderScope scope;
};

enum class ConfigVerb { kShow, kCheck, kExample };

struct ConfigCommand {
    ConfigVerb verb = ConfigVerb::kShow;
};

struct CompletionCommand {
    std::string shell;  ///< bash, zsh or fish
};

/// Prints one of the pages that are generated from the tables in this program.
struct DocumentationCommand {
    std::string page;  ///< configuration, cli or man
};

enum class McpVerb { kList, kCall };

struct McpCommand {
    McpVerb verb = McpVerb::kList;
    std::string server;               ///< empty: all of them
    std::string tool;                 ///< the server's own name of it
    std::string arguments = "{}";     ///< JSON text
    std::optional<std::string> user;  ///< id or handle; for what that user may use
};

struct VersionCommand {};

using Command = std::variant<ServiceCommand, OnceCommand, EnqueueCommand, EnqueueBatchCommand, JobsListCommand,
                             JobsCommand, ResolveCommand, ChatCommand, PauseCommand, TriggersCommand, SkillsListCommand,
                             SkillsShowCommand, SkillsDecideCommand, WorkersCommand, HealthcheckCommand, MigrateCommand,
                             KeyringCommand, ProviderAddCommand, ProviderListCommand, ProviderCommand, ConfigCommand,
                             CompletionCommand, DocumentationCommand, McpCommand, VersionCommand>;

/// Each blocks until it is done, prints its answer, and returns the exit code.
/// @throws pg::DatabaseError, which main turns into one sentence
int run(const Context& context, const EnqueueCommand& command);
int run(const Context& context, const EnqueueBatchCommand& command);
int run(const Context& context, const JobsListCommand& command);
int run(const Context& context, const JobsCommand& command);
int run(const Context& context, const ResolveCommand& command);
int run(const Context& context, const ChatCommand& command);
int run(const Context& context, const PauseCommand& command);
int run(const Context& context, const TriggersCommand& command);
int run(const Context& context, const SkillsListCommand& command);
int run(const Context& context, const SkillsShowCommand& command);
int run(const Context& context, const SkillsDecideCommand& command);
int run(const Context& context, const WorkersCommand& command);
int run(const Context& context, const HealthcheckCommand& command);
int run(const Context& context, const MigrateCommand& command);
int run(const Context& context, const KeyringCommand& command);
int run(const Context& context, const ProviderAddCommand& command);
int run(const Context& context, const ProviderListCommand& command);
int run(const Context& context, const ProviderCommand& command);
int run(const Context& context, const ConfigCommand& command);
int run(const Context& context, const McpCommand& command);

/// These need neither settings nor database.
int run(const CompletionCommand& command);
int run(const DocumentationCommand& command);
int run(Form form, const VersionCommand& command);

}  // namespace oiab::daemon
