#include "config/example.hpp"

#include <catch2/catch_test_macros.hpp>
#include <sstream>

#include "config/load.hpp"
#include "config/setting_table.hpp"
#include "support/temporary_directory.hpp"

using namespace oiab::config;

namespace {

/// The file with `# name = value` and `# [table]` turned into what they describe; prose stays a comment.
std::string switched_on(const std::string& example) {
    std::istringstream lines{example};
    std::string result, line;
    while (std::getline(lines, line)) {
        const auto equals = line.find(" = ");
        const auto name = line.starts_with("# ") && equals != std::string::npos ? line.substr(2, equals - 2) : "";
        const bool value = !name.empty() && name.find(' ') == std::string::npos;
        // The file of a secret goes with the secret itself; keyring_file is a setting of its own.
        const bool secret_file = name.ends_with("_file") && find_setting(name) == nullptr;
        if ((value && !secret_file) || line.starts_with("# [")) line.erase(0, 2);
        result += line + "\n";
    }
    return result;
}

}  // namespace

TEST_CASE("example file: it changes nothing as it is, and with every line switched on it still loads") {
    const oiab::tests::TemporaryDirectory directory;
    Sources sources{
        .file = directory.write("a.toml", example_file()), .default_file = {}, .environment = {}, .flags = {}};
    const auto as_is = load(sources);
    REQUIRE(as_is);
    for (const auto& line : as_is->described) CHECK(line.origin == "default");

    sources.file = directory.write("b.toml", switched_on(example_file()));
    sources.environment["FILES_TOKEN"] = "the example's [mcp.files] names it";
    const auto all = load(sources);
    INFO((all ? "" : all.error().message));
    REQUIRE(all);
    for (const auto& line : all->described) {
        INFO(line.name);
        CHECK(line.origin != "default");
    }
    CHECK(all->handlers.size() == 3);
    CHECK(all->worker.slots == Settings{}.worker.slots);
}
