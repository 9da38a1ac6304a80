#include "daemon.hpp"

using namespace oiab::tests;

namespace {

nlohmann::json skills(const Cli& cli, std::vector<std::string> arguments = {}) {
    arguments.insert(arguments.begin(), {"skills", "list", "--json"});
    return json_of(cli.run(std::move(arguments)));
}

}  // namespace

TEST_CASE("skills: the offline daemon learns from three turns, and uses what an operator promotes") {
    TestDatabase database;
    const Cli cli = quick_cli(database);
    const auto user = database.value("INSERT INTO users (handle) VALUES ('me') RETURNING id");
    database.execute("INSERT INTO sessions_index (session_id, user_id) SELECT 's1', id FROM users");
    const auto daemon = cli.start({});
    wait_until_ready(*daemon);
    const auto take_turn = [&](const std::string& text) {
        const nlohmann::json payload{{"userId", user}, {"sessionId", "s1"}, {"text", text}};
        const auto finished = cli.run({"enqueue", "agent-turn", payload.dump(), "--wait", "--wait-timeout", "60s"});
        INFO(finished.out << finished.err);
        REQUIRE(finished.code == 0);
        return finished.out;
    };
    take_turn("Remember that invoice 17 of Contoso is due on Friday.");
    take_turn("Remember that invoice 18 of Contoso is due on Monday.");
    take_turn("Remember that invoice 23 of Contoso is due on Sunday.");
    eventually(60s, [&] { return skills(cli).size() == 1; }, "a skill is proposed");

    const auto proposed = skills(cli).at(0);
    CHECK(proposed["name"] == "remember-invoice-contoso");
    CHECK(proposed["status"] == "proposed");
    CHECK(proposed["sourceTrajectories"].size() == 3);
    CHECK(skills(cli, {"--status", "promoted"}).empty());
    const std::string id = proposed["id"];
    const auto shown = cli.run({"skills", "show", id});
    CHECK(shown.code == 0);
    CHECK(shown.out.find("# Skill: remember invoice contoso\n\n## When to use it\n") != std::string::npos);

    CHECK(cli.run({"skills", "promote", id, "--by", user}).out ==
          "skill " + id + " \"remember-invoice-contoso\" is promoted, version 2\n");
    check_sentence(cli.run({"skills", "promote", id}), 3, "is promoted already; nothing was changed");
    CHECK(take_turn("Please use the skill remember-invoice-contoso.").find("# Skill: remember invoice contoso") !=
          std::string::npos);
    const auto deprecated = cli.run({"skills", "deprecate", id, "--json"});
    CHECK(deprecated.code == 0);
    CHECK(json_of(deprecated).at(0)["answer"] == "deprecated");
    CHECK(take_turn("Please use the skill remember-invoice-contoso.").find("# Skill:") == std::string::npos);
}

TEST_CASE("skills: the command line says who may not and what is not there") {
    TestDatabase database;
    const Cli cli{database};
    CHECK(cli.run({"skills", "list"}).out == "No skills.\n");
    const std::string nobody = "01980f4e-7f0e-7bfc-8d8e-000000000000";
    check_sentence(cli.run({"skills", "show", nobody}), 3, "there is no skill " + nobody);
    check_sentence(cli.run({"skills", "promote", nobody}), 3, "there is no skill " + nobody);
    check_sentence(cli.run({"skills", "promote", "x"}), 2, "ID must be a UUID, not \"x\"");
    check_sentence(cli.run({"skills", "list", "--tenant", "acme"}), 2, "--tenant must be a UUID, not \"acme\"");
    check_sentence(cli.run({"skills"}), 2, "`oiabd skills` needs one of list, show");
    const auto skill = database.value("INSERT INTO skills (name, body) VALUES ('a', E'x\\x1b[31m') RETURNING id");
    check_sentence(cli.run({"skills", "promote", skill, "--by", nobody}), 1, "is no active user of the tenant");
    CHECK(cli.run({"skills", "list"}).out.find("proposed") != std::string::npos);
    CHECK(cli.run({"skills", "show", skill}).out.find('\x1b') == std::string::npos);
    CHECK(json_of(cli.run({"skills", "deprecate", skill, nobody, "--json"})).size() == 2);
    check_sentence(cli.run({"skills", "promote", skill}), 3, "is deprecated; nothing brings it back");
}
