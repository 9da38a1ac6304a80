// The tables [mcp.NAME] of a configuration file.
#include <catch2/catch_test_macros.hpp>

#include "config/load.hpp"
#include "support/temporary_directory.hpp"

using namespace oiab::config;
using namespace std::chrono_literals;

namespace {

struct File {
    explicit File(const std::string& text) { sources.file = directory.write("oiabd.toml", text); }
    std::expected<Settings, ConfigError> load() { return oiab::config::load(sources); }

    oiab::tests::TemporaryDirectory directory;
    Sources sources{.file = {}, .default_file = {}, .environment = {}, .flags = {}};
};

}  // namespace

TEST_CASE("mcp: a server with everything, its secrets from variables and files, none of which are shown") {
    File file{R"(
[mcp.files]
url = "https://tools.example.com/mcp?key=hush"
unix_socket = "run/tools.sock"
tenants = ["contoso", "0192f0c1-7d3a-7000-8000-00000000abcd"]
tools = ["read_*", "search"]
trusted = true
idempotency_key = true
timeout = "2min"
list_timeout = "1s"
max_result = "1KiB"
bearer_token_file = "token"
headers = { X-Team = "blue team" }
headers_env = { X-Secret = "FILES_SECRET" }

[mcp.everybody]
url = "http://127.0.0.1:9/mcp"
tenants = "all"
)"};
    file.directory.write("token", "from-a-file\n");
    file.sources.environment = {{"FILES_SECRET", "from-a-variable"}};
    const auto settings = file.load();
    if (!settings) FAIL(settings.error().message);
    REQUIRE(settings->mcp_servers.size() == 2);
    const auto& files = settings->mcp_servers[0];
    CHECK(files.name == "files");
    CHECK(files.url == "https://tools.example.com/mcp?key=hush");
    CHECK(files.unix_socket == file.directory.path() + "/run/tools.sock");
    CHECK(files.headers == std::map<std::string, std::string>{{"Authorization", "Bearer from-a-file"},
                                                              {"X-Secret", "from-a-variable"},
                                                              {"X-Team", "blue team"}});
    CHECK(files.tenants.size() == 2);
    CHECK(files.tools == std::vector<std::string>{"read_*", "search"});
    CHECK(files.trusted);
    CHECK(files.idempotency_key);
    CHECK(files.timeout == 2min);
    CHECK(files.list_timeout == 1s);
    CHECK(files.max_result == 1024);
    const auto& everybody = settings->mcp_servers[1];
    CHECK(everybody.tenants == std::vector<std::string>{"*"});
    CHECK_FALSE(everybody.trusted);
    CHECK_FALSE(everybody.idempotency_key);
    CHECK(everybody.timeout == 60s);

    bool shown = false;
    for (const auto& line : settings->described) {
        shown = shown || (line.name == "mcp.files.url" && line.value == "https://tools.example.com/mcp");
        for (const char* secret : {"hush", "from-a-file", "from-a-variable", "blue team"}) {
            CHECK(line.value.find(secret) == std::string::npos);
        }
    }
    CHECK(shown);
}

TEST_CASE("mcp: a mistake is told in one sentence with its line") {
    const std::string url = "[mcp.a]\nurl = \"http://x/mcp\"\n";
    const std::string whole = url + "tenants = \"all\"\n";
    const std::vector<std::pair<std::string, std::string>> mistakes{
        {"[mcp.a]\ntenants = \"all\"\n", ":1: the MCP server \"a\" needs a url"},
        {url, ":1: the MCP server \"a\" needs tenants: a list of slugs or ids such as [\"contoso\"], or \"all\""},
        {url + "tenants = []\n", ":3: the MCP server \"a\" is not configured right: tenants must be a list"},
        {whole + "trused = true\n", ":4: an MCP server has no setting \"trused\"; did you mean trusted?"},
        {whole + "trusted = \"yes\"\n", "trusted must be true or false"},
        {whole + "timeout = 5\n", "timeout must be a duration in quotes"},
        {whole + "timeout = \"0\"\n", "timeout must be more than 0"},
        {whole + "max_result = \"1GiB\"\n", "max_result must be 256B to 4MiB"},
        {whole + "tools = [\"a*b\"]\n", "tools may have one *, at a name's end"},
        {whole + "bearer_token_env = \"NOT_SET\"\n", "names the environment variable \"NOT_SET\", which is not set"},
        {whole + "bearer_token_file = \"nowhere\"\n", "cannot be read from "},
        {whole + "headers = \"text\"\n", "headers must be a table"},
        {"[mcp.a]\nurl = \"ftp://x\"\n", "url must begin with http:// or https://"},
        {"[mcp.a__b]\nurl = \"http://x\"\n", "has a name of other than letters"},
        {"[mcp.\"a b\"]\nurl = \"http://x\"\n", "has a name of other than letters"},
        {"[mcp]\nurl = \"http://x\"\n", "[mcp] needs the server's name"},
        {"[mpc.a]\nurl = \"http://x\"\n", "there is no table [mpc]; did you mean mcp?"}};
    for (const auto& [text, sentence] : mistakes) {
        const auto settings = File{text}.load();
        REQUIRE_FALSE(settings);
        INFO(settings.error().message);
        CHECK(settings.error().message.find(sentence) != std::string::npos);
    }
    const auto secret = File{whole + "bearer_token = \"two\\nlines-of-secret\"\n"}.load();
    REQUIRE_FALSE(secret);
    CHECK(secret.error().message.find("lines-of-secret") == std::string::npos);
}
