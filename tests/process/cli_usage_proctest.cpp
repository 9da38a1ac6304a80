#include <catch2/generators/catch_generators.hpp>
#include <fstream>
#include <sstream>

#include "cli.hpp"
#include "support/temporary_directory.hpp"

using namespace oiab::tests;

TEST_CASE("cli: a command line that makes no sense exits with 2 and one sentence that helps") {
    struct Mistake {
        std::vector<std::string> arguments;
        std::string sentence;
    };
    const auto mistake = GENERATE(values<Mistake>({
        {{"bogus"}, "there is no command \"bogus\""},
        {{"jbs", "list"}, "there is no command \"jbs\"; did you mean jobs?"},
        {{"jobs"}, "`oiabd jobs` needs one of list, show, why"},
        {{"jobs", "shw"}, "there is no command \"shw\"; did you mean show?"},
        {{"--leese", "4s"}, "there is no flag \"--leese\"; did you mean --lease?"},
        {{"--leese=4s"}, "there is no flag \"--leese\"; did you mean --lease?"},
        {{"--llm-api-key", "s3cret"}, "use --llm-api-key-file or the environment"},
        {{"--kind", "noop"}, "--kind, --job and --dry-run go with --once only"},
        {{"workers", "--dry-run"}, "--kind, --job and --dry-run go with --once only"},
        {{"--once", "workers"}, "--once goes with no command"},
        {{"--once", "--job", "7"}, "\"7\" is no job id; an id is a UUID"},
        {{"workers", "extra"}, "\"extra\" is one argument too many"},
        {{"enqueue"}, "KIND is required"},
        {{"enqueue", ""}, "KIND must have 1 to 200 characters"},
        {{"enqueue", "noop", "--run-at", "tomorrow"}, "--run-at must be a time such as 2026-01-31T12:00:00Z"},
        {{"enqueue", "noop", "--run-at", "2026-02-30T12:00:00Z"}, "--run-at must be a time"},
        {{"enqueue", "noop", "--delay", "5"}, "--delay must be a duration with a unit"},
        {{"enqueue", "noop", "--priority", "70000"}, "--priority"},
        {{"enqueue", "noop", "--max-attempts", "0"}, "--max-attempts"},
        {{"enqueue", "noop", "--tenant", "acme"}, "--tenant must be a UUID, not \"acme\""},
        {{"enqueue", "noop", "--wait-timeout", "5s"}, "--wait"},
        {{"jobs", "list", "--status", "done"}, "--status"},
        {{"jobs", "list", "--limit", "0"}, "--limit"},
        {{"jobs", "resolve", "01980f4e-7f0e-7bfc-8d8e-000000000000", "--step", "x"}, "either --done JSON or --repeat"},
        {{"resume"}, "say one of --kind KIND, --tenant UUID and --all"},
        {{"pause", "--all", "--kind", "x"}, "say one of --kind KIND, --tenant UUID and --all"},
        {{"pause", "--tenant", "acme"}, "--tenant must be a UUID"},
        {{"completion", "tcsh"}, "SHELL"},
    }));
    const auto finished = Cli{}.run(mistake.arguments);
    check_sentence(finished, 2, mistake.sentence);
    CHECK(finished.err.find("s3cret") == std::string::npos);
    CHECK(finished.err.find("--help`") != std::string::npos);
}

TEST_CASE("cli: a payload that is not JSON exits with 2 and its position, never with the payload") {
    const Cli cli;
    check_sentence(cli.run({"enqueue", "noop", "{\"password\": hunter2}"}), 2,
                   "the payload is not JSON: line 1, column 14");
    check_sentence(cli.run({"enqueue", "noop", "-"}, "{\n  \"a\": 1,\n}"), 2,
                   "the payload is not JSON: line 3, column 1");
    check_sentence(cli.run({"enqueue", "noop", "-"}), 2, "the payload is not JSON: it is empty");
    check_sentence(cli.run({"enqueue", "noop", "\"\xff\""}), 2, "the payload is not JSON");
}

TEST_CASE("cli: help for newcomers, for each command, and for everything") {
    const Cli cli;
    const auto help = cli.run({"--help"});
    CHECK(help.code == 0);
    for (const auto* part :
         {"First steps", "OIABD_DATABASE_URL", "enqueue noop", "--once", "Exit codes", "jobs why ID"})
        CHECK(help.out.find(part) != std::string::npos);
    const auto enqueue = cli.run({"enqueue", "--help"});
    CHECK(enqueue.code == 0);
    CHECK(enqueue.out.find("--dedupe-key") != std::string::npos);
    CHECK(enqueue.out.find("Examples:") != std::string::npos);
    const auto all = cli.run({"--help-all"});
    CHECK(all.code == 0);
    for (const auto* part : {"--lease", "--embedding-model", "--dedupe-key", "--database-url-file"})
        CHECK(all.out.find(part) != std::string::npos);
}

TEST_CASE("cli: the version is told in three ways") {
    const Cli cli;
    CHECK(cli.run({"version"}).out.starts_with("oiabd "));
    CHECK(cli.run({"--version"}).out == cli.run({"version"}).out);
    CHECK(json_of(cli.run({"version", "--json"}))["version"].is_string());
}

TEST_CASE("cli: config show tells values with their origin, and no secret") {
    const TemporaryDirectory directory;
    Cli cli;
    cli.environment["OIABD_CONFIG"] = directory.write("oiabd.toml", "lease = \"90s\"\nllm_api_key = \"hidden1\"\n");
    cli.environment["OIABD_DATABASE_URL"] = "postgresql://me:hidden2@localhost/db";
    const auto finished = cli.run({"config", "show", "--slots", "3", "--json"});
    CHECK(finished.code == 0);
    CHECK(finished.out.find("hidden") == std::string::npos);
    std::map<std::string, std::pair<std::string, std::string>> lines;
    for (const auto& line : json_of(finished)) lines[line["name"]] = {line["value"], line["origin"]};
    CHECK(lines["lease"] == std::pair{std::string{"1min30s"}, cli.environment["OIABD_CONFIG"] + ":1"});
    CHECK(lines["slots"] == std::pair{std::string{"3"}, std::string{"flag --slots"}});
    CHECK(lines["database_url"].second == "environment OIABD_DATABASE_URL");
    CHECK(lines["threads"].second == "default");
    CHECK(cli.run({"config", "show"}).out.find("flag") == std::string::npos);
}

TEST_CASE("cli: a configuration that cannot be used exits with 1 and one sentence") {
    const TemporaryDirectory directory;
    Cli cli;
    const auto file = directory.write("bad.toml", "slots = 1\nleese = \"1s\"\n");
    check_sentence(cli.run({"--config", file, "config", "check"}), 1,
                   file + ":2: there is no setting \"leese\"; did you mean lease?");
    check_sentence(cli.run({"--config", directory.write("worse.toml", "slots = 1\n= 2\n"), "--once"}), 1,
                   "worse.toml:2: this is not TOML");
    check_sentence(cli.run({"--config", directory.path() + "/none.toml"}), 1, "none.toml: No such file or directory");
    check_sentence(cli.run({"--config", directory.path(), "workers"}), 1, ": Is a directory");
    check_sentence(cli.run({"--lease", "5", "workers"}), 1, "flag --lease: lease must be a duration");
    cli.environment["OIABD_SLOTS"] = "many";
    check_sentence(cli.run({"workers"}), 1, "environment OIABD_SLOTS: slots must be a whole number, not \"many\"");
    // Whoever mends the file needs these.
    CHECK(cli.run({"config", "example"}).code == 0);
    CHECK(cli.run({"version"}).code == 0);
    CHECK(cli.run({"--help"}).code == 0);
}

TEST_CASE("cli: switches are flags with and without a value") {
    const Cli cli;
    const auto value_of = [&](const std::vector<std::string>& flags, const std::string& name) -> std::string {
        auto arguments = flags;
        arguments.insert(arguments.end(), {"config", "show", "--json"});
        for (const auto& line : json_of(cli.run(arguments)))
            if (line["name"] == name) return line["value"];
        return "absent";
    };
    CHECK(value_of({}, "diagnostics") == "false");
    CHECK(value_of({"--diagnostics"}, "diagnostics") == "true");
    CHECK(value_of({"--notify=off"}, "notify") == "false");
    CHECK(value_of({"--kinds", "a,b", "--kinds", "c"}, "kinds") == "a,b,c");
    CHECK(value_of({"--slots", "1", "--slots", "2"}, "slots") == "2");
}

TEST_CASE("cli: the documents in the tree are what the program prints") {
    const Cli cli;
    const auto [page, path] = GENERATE(values<std::pair<std::string, std::string>>(
        {{"configuration", "docs/configuration.md"}, {"cli", "docs/cli.md"}, {"man", "docs/man/oiabd.1"}}));
    std::ostringstream stored;
    stored << std::ifstream{std::string{OIAB_SOURCE_DIR} + "/" + path}.rdbuf();
    const auto printed = cli.run({"documentation", page});
    CHECK(printed.code == 0);
    INFO("run scripts/config_docs to renew " << path);
    CHECK(printed.out == stored.str());
}

TEST_CASE("cli: completion offers commands, flags and choices in bash") {
    const Cli cli;
    const TemporaryDirectory directory;
    const auto script = directory.write("completion.bash", cli.run({"completion", "bash"}).out);
    const auto offered = [&](const std::string& words) {
        const auto finished =
            run_child({"bash", "-c",
                       "source " + script + "; COMP_WORDS=(" + words +
                           "); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _oiabd; echo \" ${COMPREPLY[*]} \""});
        CHECK(finished.err.empty());
        return finished.out;
    };
    CHECK(offered("oiabd jo").find(" jobs ") != std::string::npos);
    CHECK(offered("oiabd jobs ''").find(" why ") != std::string::npos);
    CHECK(offered("oiabd jobs list --st").find(" --status ") != std::string::npos);
    CHECK(offered("oiabd jobs list --status ''") == " pending running completed failed \n");
    CHECK(offered("oiabd --log-format j") == " json journald \n");
    CHECK(offered("oiabd completion ''").find(" fish ") != std::string::npos);
    CHECK(offered("oiabd jobs list --slo").find(" --slots ") != std::string::npos);
    for (const auto* shell : {"zsh", "fish"}) {
        const auto finished = cli.run({"completion", shell});
        CHECK(finished.code == 0);
        CHECK(finished.out.find("resolve") != std::string::npos);
    }
}

TEST_CASE("cli: an answer that cannot be written is an error, a reader that leaves early is not") {
    const auto full = run_child({"bash", "-c", oiabd_path() + " --help > /dev/full"});
    CHECK(full.code == 1);
    CHECK(full.err == "oiabd: cannot write the answer to stdout\n");
    const auto head = run_child({"bash", "-c", "set -o pipefail; " + oiabd_path() + " --help-all | true"});
    CHECK(head.code == 0);
    CHECK(head.err.empty());
}
