#include "config/setting_table.hpp"

#include <algorithm>
#include <array>

namespace oiab::config {
namespace {

using std::string;
using std::vector;

constexpr std::array<std::string_view, 3> kPreferenceNames{"off", "rules", "model"};
constexpr std::array<std::string_view, 2> kPrepareNames{"auto", "off"};
constexpr std::array<std::string_view, 4> kLevelNames{"debug", "info", "warning", "error"};
constexpr std::array<std::string_view, 4> kFormatNames{"auto", "text", "json", "journald"};
constexpr std::array<std::string_view, 3> kRuntimeNames{"offline", "direct", "opencode"};

template <auto Member, typename Enum>
constexpr ChoiceAccess choice(std::span<const std::string_view> names) {
    return {names, [](Settings& s, std::size_t index) { Member(s) = static_cast<Enum>(index); },
            [](const Settings& s) { return static_cast<std::size_t>(Member(const_cast<Settings&>(s))); }};
}

constexpr auto kPrepare = choice<[](Settings& s) -> Prepare& { return s.database.prepare; }, Prepare>(kPrepareNames);
constexpr auto kLevel = choice<[](Settings& s) -> LogLevel& { return s.log.level; }, LogLevel>(kLevelNames);
constexpr auto kFormat = choice<[](Settings& s) -> LogFormat& { return s.log.format; }, LogFormat>(kFormatNames);
constexpr auto kPreferences =
    choice<[](Settings& s) -> PreferenceExtraction& { return s.agent.preferences; }, PreferenceExtraction>(
        kPreferenceNames);
constexpr auto kRuntime =
    choice<[](Settings& s) -> AgentRuntime& { return s.agent.runtime; }, AgentRuntime>(kRuntimeNames);

using enum Section;

// A limit without a reason of its own only keeps out values that are certainly slips.
constexpr std::array kTable{
    Setting{kDatabase, "database_url", +[](Settings& s) -> string& { return s.database.url; }, "", "", "", true,
            "The PostgreSQL database, as postgresql:// URI or as libpq connection string. "
            "Without it DATABASE_URL counts, then libpq's own variables (PGHOST, PGUSER and so on)."},
    Setting{kDatabase, "connect_timeout", +[](Settings& s) -> milliseconds& { return s.database.connect_timeout; },
            "10s", "1s", "10min", false,
            "How long one try to connect may take. libpq counts whole seconds and takes less than two as two."},
    Setting{kDatabase, "statement_timeout", +[](Settings& s) -> milliseconds& { return s.database.statement_timeout; },
            "30s", "100ms", "1d", false,
            "How long one statement may take before the server ends it. No call to the database is without a limit."},
    Setting{kDatabase, "prepare", kPrepare, "auto", "", "", false,
            "Whether statements are prepared by name. `off` for a pooler in transaction mode such as PgBouncer, "
            "together with notify = false."},
    Setting{kDatabase, "notify", +[](Settings& s) -> bool& { return s.database.notify; }, "true", "", "", false,
            "Whether to be woken by NOTIFY. Without it a new job waits for the next poll; nothing is lost."},
    Setting{kDatabase, "db_lanes", +[](Settings& s) -> int& { return s.database.lanes; }, "4", "1", "256", false,
            "Database sessions for the handlers' own reads and writes. "
            "The engine has a few more for claiming, settling and renewing."},
    Setting{kDatabase, "migrate_on_start", +[](Settings& s) -> bool& { return s.database.migrate_on_start; }, "true",
            "", "", false,
            "Whether the service brings the schema up to date when it starts. "
            "Without it, run `oiabd migrate` with a role that may."},
    Setting{kDatabase, "embeddings", +[](Settings& s) -> bool& { return s.database.embeddings; }, "true", "", "", false,
            "Whether the database has pgvector. With `false` everything runs but recall by similarity."},
    Setting{kDatabase, "legacy_dedupe_index", +[](Settings& s) -> bool& { return s.database.legacy_dedupe_index; },
            "false", "", "", false,
            "Keeps the published form of the index over dedupe_key. For clients that insert with ON CONFLICT "
            "(dedupe_key) WHERE status = 'pending'; claiming costs more with it."},

    Setting{kWork, "kinds", +[](Settings& s) -> vector<string>& { return s.worker.kinds; }, "", "", "", false,
            "Kinds of job that this worker takes, exact or as prefix with a trailing `*`. "
            "Empty: every kind that has a handler."},
    Setting{kWork, "slots", +[](Settings& s) -> int& { return s.worker.slots; }, "64", "1", "10000", false,
            "Jobs that run at the same time. A slot is no thread: jobs that wait hold none."},
    Setting{kWork, "threads", +[](Settings& s) -> int& { return s.worker.threads; }, "0", "0", "1024", false,
            "Threads that run handlers. 0: one for each core."},
    Setting{kWork, "plugin_threads", +[](Settings& s) -> int& { return s.worker.plugin_threads; }, "4", "1", "1024",
            false, "Threads for handlers from shared libraries. These block while they work; started when needed."},
    Setting{kWork, "poll_interval", +[](Settings& s) -> milliseconds& { return s.worker.poll_interval; }, "5s", "20ms",
            "1h", false,
            "How often an idle worker looks for jobs by itself. Notifications are quicker; this is the guarantee."},
    Setting{kWork, "lease", +[](Settings& s) -> milliseconds& { return s.worker.lease; }, "60s", "100ms", "1d", false,
            "How long a claim holds without being renewed. It is renewed at a third of this; after a crash "
            "the jobs of a dead worker wait this long for the next one."},
    Setting{kWork, "drain_timeout", +[](Settings& s) -> milliseconds& { return s.worker.drain_timeout; }, "30s", "0",
            "1d", false, "How long running jobs may go on after SIGTERM. Then they are cancelled and released."},
    Setting{kWork, "cancel_grace", +[](Settings& s) -> milliseconds& { return s.worker.cancel_grace; }, "10s", "0",
            "1h", false,
            "How long a cancelled handler may take to end. Afterwards it is left behind, and an executable is killed."},
    Setting{kWork, "worker_name", +[](Settings& s) -> string& { return s.worker.name; }, "", "", "", false,
            "First part of the worker's id and its label in `oiabd workers`. Empty: the host's name."},
    Setting{kWork, "diagnostics", +[](Settings& s) -> bool& { return s.worker.diagnostics; }, "false", "", "", false,
            "Registers the kind `noop`, for trying, testing and measuring."},

    Setting{kRetries, "timeout", +[](Settings& s) -> milliseconds& { return s.kind_defaults.timeout; }, "15min", "10ms",
            "30d", false,
            "How long one attempt may take. Then its handler is cancelled and the job is tried again. A row's "
            "timeout_seconds comes first, then the kind's own value."},
    Setting{kRetries, "stall_timeout", +[](Settings& s) -> milliseconds& { return s.kind_defaults.stall_timeout; }, "0",
            "0", "30d", false,
            "How long a handler may report neither progress nor heartbeat before it counts as stalled. 0: for ever."},
    Setting{kRetries, "retry_base", +[](Settings& s) -> milliseconds& { return s.kind_defaults.retry_base; }, "5s",
            "1ms", "7d", false,
            "The wait after the first failed attempt. It doubles with each, and the upper half of it is random."},
    Setting{kRetries, "retry_cap", +[](Settings& s) -> milliseconds& { return s.kind_defaults.retry_cap; }, "1h", "1ms",
            "30d", false, "The longest wait between two attempts."},
    Setting{kRetries, "max_crashes", +[](Settings& s) -> int& { return s.worker.max_crashes; }, "3", "1", "1000", false,
            "Lapsed leases after which a job fails. Such a job seems to kill its workers."},

    Setting{kUpkeep, "legacy_lock_timeout", +[](Settings& s) -> milliseconds& { return s.worker.legacy_lock_timeout; },
            "1h", "0", "30d", false, "When a job is taken back from a worker that knows no leases. 0: never."},
    Setting{kUpkeep, "retention", +[](Settings& s) -> milliseconds& { return s.worker.retention; }, "7d", "0", "36500d",
            false, "How long finished jobs are kept. 0: for ever."},
    Setting{kUpkeep, "delete_on_complete", +[](Settings& s) -> bool& { return s.worker.delete_on_complete; }, "false",
            "", "", false, "Deletes a job when it completes instead of keeping it for `retention`."},
    Setting{kUpkeep, "snapshot_warning", +[](Settings& s) -> milliseconds& { return s.worker.snapshot_warning; },
            "10min", "0", "30d", false,
            "How long a transaction, a replication slot or a standby may keep old versions of rows before the leader "
            "names it in the log. Claims slow down meanwhile. 0: never."},

    Setting{kAgents, "runtime", kRuntime, "offline", "", "", false,
            "What answers in agent turns. `offline`: built in, deterministic, no network; `direct`: the provider that "
            "llm_base_url names; `opencode`: the server in the sandbox that opencode_url names. A tenant's "
            "settings.runtime comes first."},
    Setting{kAgents, "llm_base_url", +[](Settings& s) -> string& { return s.agent.llm.base_url; }, "", "", "", false,
            "Base URL of an OpenAI-compatible API, such as http://localhost:11434/v1."},
    Setting{kAgents, "llm_api_key", +[](Settings& s) -> string& { return s.agent.llm.api_key; }, "", "", "", true,
            "Key for llm_base_url. Empty for an endpoint that asks for none."},
    Setting{kAgents, "llm_model", +[](Settings& s) -> string& { return s.agent.llm.model; }, "", "", "", false,
            "Model for turns whose session, user and tenant name none."},
    Setting{kAgents, "keyring_file", +[](Settings& s) -> string& { return s.agent.keyring_file; }, "", "", "", false,
            "File with the keys that encrypt providers' credentials. Empty: the credential `keyring` below systemd, "
            "else ~/.orginabox/.keyring. Only its owner may be able to read it."},
    Setting{
        kAgents, "allow_private_provider_urls",
        +[](Settings& s) -> bool& { return s.agent.allow_private_provider_urls; }, "false", "", "", false,
        "Whether providers of tenants and users may have addresses in private networks: on this machine (localhost), "
        "beside it, or a cloud's metadata service. Rows of the installation and llm_base_url always may."},
    Setting{kAgents, "opencode_url", +[](Settings& s) -> string& { return s.agent.opencode.url; },
            "http://sandbox:4096", "", "", false,
            "Address of `opencode serve`. Empty: no turn may run there, whatever a tenant's settings say."},
    Setting{kAgents, "opencode_password", +[](Settings& s) -> string& { return s.agent.opencode.password; }, "", "", "",
            true, "Password of the opencode server. Without it OPENCODE_SERVER_PASSWORD counts."},
    Setting{kAgents, "opencode_directory", +[](Settings& s) -> string& { return s.agent.opencode.directory; },
            "/workspace/{tenant}", "", "", false,
            "Where turns work, as the sandbox names it; it must exist there. {tenant} and {user} are filled in; a user "
            "without a tenant works in `operator`. Empty: where opencode was started."},
    Setting{kAgents, "opencode_local_directory",
            +[](Settings& s) -> string& { return s.agent.opencode.local_directory; }, "", "", "", false,
            "The same directory as this worker reaches it, where it does. It is then made where it is missing, and "
            "promoted skills are written into it."},
    Setting{kAgents, "opencode_model", +[](Settings& s) -> string& { return s.agent.opencode.model; }, "", "", "",
            false,
            "Model for turns in opencode whose session, user and tenant name none, as provider/model. Empty: "
            "opencode's own default."},
    Setting{kAgents, "max_tool_rounds", +[](Settings& s) -> int& { return s.agent.max_tool_rounds; }, "16", "1", "1000",
            false, "Model calls that one turn may make. A turn that wants more ends there and says so."},
    Setting{
        kAgents, "learning", +[](Settings& s) -> bool& { return s.agent.learning; }, "true", "", "", false,
        "Whether turns that used a tool are reflected upon, and skills proposed from turns that resemble each other. "
        "Costs one model call a turn, made later."},
    Setting{kAgents, "embedding_base_url", +[](Settings& s) -> string& { return s.agent.embedding.base_url; }, "", "",
            "", false,
            "Base URL of an OpenAI-compatible embeddings API, for `direct`. Empty: llm_base_url, with its key."},
    Setting{kAgents, "embedding_api_key", +[](Settings& s) -> string& { return s.agent.embedding.api_key; }, "", "", "",
            true, "Key for embedding_base_url. Empty for an endpoint that asks for none."},
    Setting{kAgents, "embedding_provider", +[](Settings& s) -> string& { return s.agent.embedding_provider; }, "", "",
            "", false,
            "The installation's provider that embeds, for `direct`, as `oiabd provider list` calls it. "
            "Empty: embedding_base_url."},
    Setting{kAgents, "embedding_model", +[](Settings& s) -> string& { return s.agent.embedding.model; }, "", "", "",
            false,
            "Embedding model, for `direct`. Without one, memories are recalled by age; after a change everything is "
            "embedded anew."},
    Setting{kAgents, "recall_threshold", +[](Settings& s) -> double& { return s.agent.recall.threshold; }, "0.3", "-1",
            "1", false, "Least cosine similarity of a memory that is recalled."},
    Setting{kAgents, "recall_limit", +[](Settings& s) -> int& { return s.agent.recall.limit; }, "8", "0", "1000", false,
            "Memories that are recalled for one turn, at most."},
    Setting{kAgents, "recall_tokens", +[](Settings& s) -> int& { return s.agent.recall.tokens; }, "2000", "0",
            "1000000", false, "Tokens that recalled memories may take in one turn, at most."},
    Setting{kAgents, "dispatch_pool_url", +[](Settings& s) -> string& { return s.agent.dispatch_pool.url; }, "", "", "",
            false,
            "Endpoint of a pool of sandboxes, for the dispatch modes remote, team_multi_vm and user_pc. Empty: they "
            "fail and say so."},
    Setting{kAgents, "dispatch_pool_token", +[](Settings& s) -> string& { return s.agent.dispatch_pool.token; }, "", "",
            "", true, "Bearer token for dispatch_pool_url. Empty for an endpoint that asks for none."},
    Setting{kAgents, "extract_preferences", kPreferences, "rules", "", "", false,
            "What a turn remembers by itself of what the user says about how they want to be treated (\"call me "
            "Bob\"). `rules`: explicit "
            "statements in English; `model`: the model is asked after each turn, in the runtime `direct`, which costs "
            "a call."},

    Setting{kLogs, "log_level", kLevel, "info", "", "", false, "The least severe messages that are logged."},
    Setting{kLogs, "log_format", kFormat, "auto", "", "", false,
            "The form of the log on stderr. `auto`: journald below systemd, text on a terminal, JSON lines otherwise."},
    Setting{kLogs, "metrics_file", +[](Settings& s) -> string& { return s.metrics.file; }, "", "", "", false,
            "File into which the service writes its metrics every five seconds, for the node exporter's textfile "
            "collector. Its name must end in .prom; it is removed when the service stops. Empty: none."},
};

constexpr std::array kKindTable{
    KindSetting{"timeout", &KindSettings::timeout},
    KindSetting{"stall_timeout", &KindSettings::stall_timeout},
    KindSetting{"retry_base", &KindSettings::retry_base},
    KindSetting{"retry_cap", &KindSettings::retry_cap},
};

}  // namespace

std::span<const Setting> setting_table() { return kTable; }
std::span<const KindSetting> kind_setting_table() { return kKindTable; }

const Setting* find_setting(std::string_view name) {
    const auto found = std::ranges::find(kTable, name, &Setting::name);
    return found == kTable.end() ? nullptr : &*found;
}

std::string environment_name(const Setting& setting) {
    string name{"OIABD_"};
    for (const char c : setting.name) name += c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    return name;
}

std::string flag_name(const Setting& setting) {
    string name{"--"};
    name += setting.name;
    std::ranges::replace(name, '_', '-');
    return name;
}

std::string_view type_name(const Setting& setting) {
    constexpr std::array<std::string_view, 7> kNames{"text",   "list",     "switch", "number",
                                                     "number", "duration", "choice"};
    return kNames[setting.access.index()];
}

std::string_view title_of(Section section) {
    switch (section) {
        case kDatabase: return "Database";
        case kWork: return "Work";
        case kRetries: return "Deadlines and retries";
        case kUpkeep: return "Upkeep";
        case kAgents: return "Agents";
        case kLogs: return "Logs and metrics";
    }
    return "";
}

std::string_view summary_of(const Setting& setting) {
    const auto end = setting.help.find(". ");
    auto text = setting.help.substr(0, end);
    if (text.ends_with('.')) text.remove_suffix(1);
    return text;
}

}  // namespace oiab::config
