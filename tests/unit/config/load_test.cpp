#include "config/load.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <set>

#include "config/assign.hpp"
#include "config/setting_table.hpp"
#include "support/temporary_directory.hpp"

using namespace oiab::config;
using namespace std::chrono_literals;
using oiab::tests::TemporaryDirectory;

namespace {

/// Sources without anything of this machine's.
Sources nothing() { return {.file = {}, .default_file = {}, .environment = {}, .flags = {}}; }

std::string error_of(const std::expected<Settings, ConfigError>& loaded) {
    return loaded ? "no error" : loaded.error().message;
}

const DescribedSetting& line_of(const Settings& settings, std::string_view name) {
    for (const auto& line : settings.described)
        if (line.name == name) return line;
    FAIL("no line for " << name);
    return settings.described.front();
}

}  // namespace

TEST_CASE("the table: every default, read as a user would write it, is what a fresh Settings holds") {
    for (const auto& setting : setting_table()) {
        INFO(setting.name);
        Settings fresh, assigned;
        if (!std::holds_alternative<TextAccess>(setting.access))
            REQUIRE(assign(setting, assigned, std::string{setting.default_text}));
        CHECK(shown(setting, fresh) == shown(setting, assigned));
        if (std::holds_alternative<TextAccess>(setting.access)) CHECK(shown(setting, fresh) == setting.default_text);
    }
}

TEST_CASE("the table: names are unique and every row explains itself") {
    std::set<std::string_view> names;
    for (const auto& setting : setting_table()) {
        INFO(setting.name);
        CHECK(names.insert(setting.name).second);
        CHECK(setting.help.ends_with('.'));
        CHECK(!summary_of(setting).empty());
    }
}

TEST_CASE("layers: default, DATABASE_URL, file, credential, environment, flag, in rising order") {
    const TemporaryDirectory directory;
    auto sources = nothing();
    const auto url = [&] { return load(sources)->database.url; };
    const auto origin = [&] { return line_of(*load(sources), "database_url").origin; };

    CHECK(url().empty());
    CHECK(origin() == "default");
    sources.environment["DATABASE_URL"] = "postgresql://lowest";
    CHECK(url() == "postgresql://lowest");
    CHECK(origin() == "environment DATABASE_URL");
    sources.file = directory.write("oiabd.toml", "\ndatabase_url = 'postgresql://file'\n");
    CHECK(url() == "postgresql://file");
    CHECK(origin() == *sources.file + ":2");
    directory.write("database_url", "postgresql://credential\n");
    sources.environment["CREDENTIALS_DIRECTORY"] = directory.path();
    CHECK(url() == "postgresql://credential");
    CHECK(origin().find("credential database_url") != std::string::npos);
    sources.environment["OIABD_DATABASE_URL"] = "postgresql://environment";
    CHECK(url() == "postgresql://environment");
    CHECK(origin() == "environment OIABD_DATABASE_URL");
    sources.flags.emplace_back("database_url", "postgresql://flag");
    CHECK(url() == "postgresql://flag");
    CHECK(origin() == "flag --database-url");
}

TEST_CASE("layers: a secret may come from a file that any layer names") {
    const TemporaryDirectory directory;
    const auto secret = directory.write("key", "s3cret\n");
    auto sources = nothing();
    sources.environment["OIABD_LLM_API_KEY_FILE"] = secret;
    const auto settings = load(sources);
    REQUIRE(settings);
    CHECK(settings->agent.llm.api_key == "s3cret");
    CHECK(line_of(*settings, "llm_api_key").value == "********");
    sources.flags.emplace_back("embedding_api_key_file", directory.path() + "/missing");
    CHECK(error_of(load(sources)) == "flag --embedding-api-key-file: cannot read " + directory.path() +
                                         "/missing for embedding_api_key: No such file or directory");
}

TEST_CASE("environment: an empty variable is an unset one") {
    auto sources = nothing();
    sources.environment["OIABD_LEASE"] = "";
    CHECK(load(sources)->worker.lease == 60s);
}

TEST_CASE("environment: a misspelt variable is warned of, foreign ones are not") {
    auto sources = nothing();
    sources.environment = {{"OIABD_LEESE", "1s"}, {"OIABD_SERVICE_HOST", "10.0.0.1"}, {"OIABD_PORT", "tcp://"}};
    const auto settings = load(sources);
    REQUIRE(settings);
    CHECK(settings->warnings ==
          std::vector<std::string>{"the environment variable OIABD_LEESE means nothing; did you mean OIABD_LEASE?"});
}

TEST_CASE("file: every type of value arrives") {
    const TemporaryDirectory directory;
    auto sources = nothing();
    sources.file = directory.write("oiabd.toml", R"(
lease = "90s"
slots = 12
kinds = ["agent-turn", "billing-*"]
notify = false
recall_threshold = 0.5
log_format = "json"
stall_timeout = 0
)");
    const auto settings = load(sources);
    REQUIRE(settings);
    CHECK(settings->worker.lease == 90s);
    CHECK(settings->worker.slots == 12);
    CHECK(settings->worker.kinds == std::vector<std::string>{"agent-turn", "billing-*"});
    CHECK_FALSE(settings->database.notify);
    CHECK(settings->agent.recall.threshold == 0.5);
    CHECK(settings->log.format == LogFormat::kJson);
}

TEST_CASE("file: a mistake is told in one sentence with its line") {
    struct Mistake {
        std::string text, sentence;
    };
    const auto [text, sentence] = GENERATE(values<Mistake>({
        {"\n\nlease = \"60", ":3: this is not TOML"},
        {"a = 1\na = 2", ":2: this is not TOML"},
        {"leese = \"60s\"", ":1: there is no setting \"leese\"; did you mean lease?"},
        {"banana = 1", ":1: there is no setting \"banana\"; `oiabd config example` lists them"},
        {"lease = 60", ":1: lease must be a duration in quotes with a unit, such as \"60s\", not 60"},
        {"lease = \"60\"", "(it has no unit)"},
        {"lease = \"1ms\"", ":1: lease must be at least 100ms, not 1ms"},
        {"slots = 0", ":1: slots must be at least 1, not 0"},
        {"slots = 1.5", ":1: slots must be a whole number, not 1.5"},
        {"slots = 99999999999", ":1: slots must be at most 10000, not 99999999999"},
        {"notify = \"maybe\"", ":1: notify must be true or false, not \"maybe\""},
        {"kinds = [1]", ":1: kinds must be a list of texts"},
        {"recall_threshold = nan", ":1: recall_threshold must be a number, not nan"},
        {"log_level = \"warn\"", ":1: log_level must be one of debug, info, warning, error, not \"warn\""},
        {"worker_name = 2020-01-01", ":1: worker_name must be text in quotes, not a date or time"},
        {"[kinds.\"x\"]\ntimeout = \"1s\"", ":1: kinds is a list; settings of one kind belong into [kind.\"<kind>\"]"},
        {"[handler.\"x\"]\nexec = [\"a\"]", ":1: there is no table [handler]; did you mean handlers?"},
        {"[kind]\ntimeout = \"1s\"", ":2: [kind] needs the kind in its name: [kind.\"<kind>\"]"},
        {"[kind.\"a*b\"]\ntimeout = \"1s\"", ":1: a pattern may have one *, at its end: \"a*b\""},
        {"[kind.\"x\"]\ntimeut = \"1s\"", ":2: a kind has no setting \"timeut\"; did you mean timeout?"},
        {"[kind.\"x\"]\nretry_base = \"2h\"", "retry_cap of kind \"x\" (1h) must not be below its retry_base (2h)"},
        {"[handlers.\"x\"]\nexek = [\"a\"]", ":2: a handler has no setting \"exek\"; did you mean exec?"},
        {"[handlers.\"x\"]\ntimeout = \"1s\"", ":1: handler \"x\" needs one of exec, library or http"},
        {"[handlers.\"x\"]\nexec = \"a\"", ":2: exec must be a list of program and arguments"},
        {"[handlers.\"x\"]\nexec = [\"a\"]\nhttp = \"http://b\"", ":3: handler \"x\" has both exec and http"},
        {"[handlers.\"x\"]\nhttp = \"ftp://b\"", ":2: http must be a URL that begins with http:// or https://"},
        {"[handlers.\"x\"]\nlibrary = \"a.so\"\nenv = [\"PATH\"]", ":3: env is no setting of a handler with library"},
        {"[handlers.\"x\"]\nexec = [\"a\"]\nmax_output = \"1\"", ":3: max_output must be a size with a unit"},
        {"[handlers.\"x\"]\nexec = [\"a\"]\ntimeout = \"1s\"\n[kind.\"x\"]\ntimeout = \"2s\"",
         ":5: timeout of kind \"x\" is given twice; line 3 has it too"},
        {"runtime = \"direct\"\nllm_model = \"m\"", "llm_base_url and llm_model go together: set both, or neither"},
        {"embedding_provider = \"house\"", "embedding_provider is set, which needs embedding_model"},
        {"llm_base_url = \"localhost\"", "llm_base_url must begin with http:// or https://"},
        {"retry_cap = \"1s\"", "retry_cap (1s) must not be below retry_base (5s)"},
        {"metrics_file = \"/run/oiabd/metrics\"",
         "metrics_file must end in .prom, not \"/run/oiabd/metrics\": no other files are collected"},
    }));
    const TemporaryDirectory directory;
    auto sources = nothing();
    sources.file = directory.write("oiabd.toml", text);
    const auto message = error_of(load(sources));
    INFO(message);
    CHECK(message.find(sentence) != std::string::npos);
    CHECK(message.find('\n') == std::string::npos);
}

TEST_CASE("file: a secret of the wrong type is not quoted in the message") {
    const TemporaryDirectory directory;
    auto sources = nothing();
    sources.file = directory.write("oiabd.toml", "llm_api_key = 12345678");
    CHECK(error_of(load(sources)).find("12345678") == std::string::npos);
}

TEST_CASE("file: one that was named must be there, the default one need not") {
    const TemporaryDirectory directory;
    auto sources = nothing();
    sources.default_file = directory.path() + "/none.toml";
    CHECK(load(sources));
    sources.environment["OIABD_CONFIG"] = sources.default_file;
    CHECK(error_of(load(sources)) == "cannot read " + sources.default_file + ": No such file or directory");
    sources.file = directory.path();
    CHECK(error_of(load(sources)) == "cannot read " + directory.path() + ": Is a directory");
    sources.file = "/dev/zero";
    CHECK(error_of(load(sources)) == "cannot read /dev/zero: it is larger than 1 MiB");
}

TEST_CASE("kinds: own table first, then the longest prefix, then what is general; gaps are filled from the latter") {
    const TemporaryDirectory directory;
    auto sources = nothing();
    sources.flags.emplace_back("retry_base", "7s");
    sources.file = directory.write("oiabd.toml", R"(
timeout = "1min"
[kind."agent-*"]
timeout = "2min"
[kind."agent-turn"]
retry_cap = "30min"
[kind."agent-turn-*"]
timeout = "3min"
)");
    const auto settings = load(sources);
    REQUIRE(settings);
    CHECK(settings->kind_settings("other").timeout == 1min);
    CHECK(settings->kind_settings("agent-x").timeout == 2min);
    CHECK(settings->kind_settings("agent-turn").timeout == 1min);
    CHECK(settings->kind_settings("agent-turn").retry_cap == 30min);
    CHECK(settings->kind_settings("agent-turn").retry_base == 7s);
    CHECK(settings->kind_settings("agent-turn-long").timeout == 3min);
}

TEST_CASE("handlers: the three ways with their options, paths relative to the file") {
    const TemporaryDirectory directory;
    auto sources = nothing();
    sources.environment["PASSED"] = "on";
    sources.file = directory.write("oiabd.toml", R"(
[handlers."mail"]
exec = ["./mail", "--quiet"]
env = ["PASSED", "ABSENT", "LANG=C.UTF-8"]
directory = "work"
max_output = "2KiB"
timeout = "10s"
[handlers."billing-*"]
http = "http://localhost/jobs"
unix_socket = "/run/billing.sock"
headers = { Authorization = "Bearer secret" }
[handlers."image"]
library = "plugins/image.so"
)");
    const auto settings = load(sources);
    INFO(error_of(settings));
    REQUIRE(settings);
    REQUIRE(settings->handlers.size() == 3);
    const auto& mail = std::get<ExecutableSource>(settings->handlers[0].way);
    CHECK(mail.command == std::vector<std::string>{directory.path() + "/mail", "--quiet"});
    CHECK(mail.environment == std::map<std::string, std::string>{{"PASSED", "on"}, {"LANG", "C.UTF-8"}});
    CHECK(mail.directory == directory.path() + "/work");
    CHECK(mail.max_output == 2048);
    CHECK(settings->kind_settings("mail").timeout == 10s);
    const auto& billing = std::get<HttpSource>(settings->handlers[1].way);
    CHECK(settings->handlers[1].pattern == "billing-*");
    CHECK(billing.url == "http://localhost/jobs");
    CHECK(billing.unix_socket == "/run/billing.sock");
    CHECK(billing.headers.at("Authorization") == "Bearer secret");
    CHECK(std::get<LibrarySource>(settings->handlers[2].way).path == directory.path() + "/plugins/image.so");
    for (const auto& line : settings->described) CHECK(line.value.find("secret") == std::string::npos);
}

TEST_CASE("masking: no form of connection string shows its password") {
    CHECK(mask_database_url("") == "");
    CHECK(mask_database_url("postgresql://host/db") == "postgresql://host/db");
    CHECK(mask_database_url("postgresql://me@host/db") == "postgresql://me@host/db");
    CHECK(mask_database_url("postgresql://me:pw@host/db?x=1") == "postgresql://me:********@host/db?x=1");
    CHECK(mask_database_url("host=h user=u") == "host=h user=u");
    const auto url = GENERATE("postgres://me:hidden@host/db", "postgresql://me:hid@hidden@host/db",
                              "postgresql://me:hid/hidden@host/db", "postgresql://me:hid?hidden@host/db",
                              "postgresql://host/db?password=hidden", "postgresql://host/db?a=b&password=hidden&c=d",
                              "postgresql:///db?sslpassword=hidden", "host=h password=hidden", "mysql://u:hidden@h/db");
    INFO(url);
    CHECK(mask_database_url(url).find("hidden") == std::string::npos);
}
