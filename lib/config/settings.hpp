#pragma once
/// @file  What the daemon was told to do, as typed values. Made once at start by config::load and read by everybody
/// afterwards; a value, any thread. Names, defaults, limits and help of the settings are in setting_table.cpp.

#include <chrono>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "config/handler_source.hpp"
#include "config/mcp_source.hpp"

namespace oiab::config {

using std::chrono::milliseconds;

enum class Prepare { kAuto, kOff };
enum class LogLevel { kDebug, kInfo, kWarning, kError };
enum class LogFormat { kAuto, kText, kJson, kJournald };
enum class PreferenceExtraction { kOff, kRules, kModel };
enum class AgentRuntime { kOffline, kDirect, kOpencode };

struct DatabaseSettings {
    std::string url;  ///< secret; empty where libpq's PG… variables say where to connect
    milliseconds connect_timeout{10'000};
    milliseconds statement_timeout{30'000};
    Prepare prepare = Prepare::kAuto;
    bool notify = true;
    int lanes = 4;
    bool migrate_on_start = true;
    bool embeddings = true;
    bool legacy_dedupe_index = false;
};

struct WorkerSettings {
    std::string name;                ///< empty: the host's
    std::vector<std::string> kinds;  ///< patterns; empty: every kind that has a handler
    int slots = 64;
    int threads = 0;  ///< 0: one for each core
    int plugin_threads = 4;
    milliseconds poll_interval{5'000};
    milliseconds lease{60'000};
    milliseconds drain_timeout{30'000};
    milliseconds cancel_grace{10'000};
    milliseconds legacy_lock_timeout{3'600'000};  ///< 0: never rescue what a worker without leases claimed
    milliseconds retention{7 * 86'400'000LL};     ///< 0: keep finished jobs
    bool delete_on_complete = false;
    milliseconds snapshot_warning{10 * 60'000};  ///< 0: never
    int max_crashes = 3;
    bool diagnostics = false;
};

/// How attempts of a kind are run.
struct KindSettings {
    milliseconds timeout{15 * 60'000};
    milliseconds stall_timeout{0};  ///< 0: never
    milliseconds retry_base{5'000};
    milliseconds retry_cap{3'600'000};

    bool operator==(const KindSettings&) const = default;
};

struct LogSettings {
    LogLevel level = LogLevel::kInfo;
    LogFormat format = LogFormat::kAuto;
};

struct MetricsSettings {
    std::string file;  ///< empty: none is written
};

/// One OpenAI-compatible endpoint.
struct ProviderSettings {
    std::string base_url;
    std::string api_key;  ///< secret
    std::string model;
};

struct RecallSettings {
    double threshold = 0.3;
    int limit = 8;
    int tokens = 2000;
};

/// Where members of a dispatch run that do not run here.
struct DispatchPoolSettings {
    std::string url;
    std::string token;  ///< secret
};

/// The server in the sandbox. Directories are patterns with {tenant} and {user} in them.
struct OpencodeSettings {
    std::string url = "http://sandbox:4096";
    std::string password;  ///< secret
    std::string directory = "/workspace/{tenant}";
    std::string local_directory;
    std::string model;
};

struct AgentSettings {
    AgentRuntime runtime = AgentRuntime::kOffline;
    ProviderSettings llm;
    ProviderSettings embedding;
    std::string embedding_provider;  ///< name of a provider row; empty: embedding.base_url
    OpencodeSettings opencode;
    int max_tool_rounds = 16;
    bool learning = true;
    RecallSettings recall;
    DispatchPoolSettings dispatch_pool;
    PreferenceExtraction preferences = PreferenceExtraction::kRules;
    bool allow_private_provider_urls = false;
    std::string keyring_file;  ///< empty: systemd's credential, else the one in the home directory
};

/// One line of `oiabd config show`. Secrets are masked.
struct DescribedSetting {
    std::string name;
    std::string value;
    std::string origin;  ///< "default", "<file>:<line>", "environment NAME", "credential NAME" or "flag --name"
};

struct Settings {
    DatabaseSettings database;
    WorkerSettings worker;
    KindSettings kind_defaults;
    LogSettings log;
    MetricsSettings metrics;
    AgentSettings agent;
    std::vector<HandlerSource> handlers;
    std::vector<McpSource> mcp_servers;
    /// Kinds and prefix patterns with settings of their own, complete with the defaults.
    std::map<std::string, KindSettings, std::less<>> kinds;

    std::string file;  ///< the configuration file that was read; empty for none
    std::vector<DescribedSetting> described;
    std::vector<std::string> warnings;  ///< sentences for the log: nothing wrong, but likely not meant

    /// What applies to the kind: its own table, else the longest prefix pattern's, else the defaults.
    [[nodiscard]] const KindSettings& kind_settings(std::string_view kind) const;
};

}  // namespace oiab::config
