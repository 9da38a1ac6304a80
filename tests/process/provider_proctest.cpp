// Providers as an operator sets them up, and a daemon that goes on answering while their keys are rotated.
#include <catch2/catch_test_macros.hpp>
#include <csignal>

#include "daemon.hpp"
#include "secrets/keyring_file.hpp"
#include "support/http_server.hpp"
#include "support/temporary_directory.hpp"
#include "support/terminal.hpp"

namespace {

using namespace oiab;
using namespace oiab::tests;
using nlohmann::json;

constexpr const char* kKey = "sk-very-secret-1234567890";

void answer(ServedConnection& connection, const ServedRequest& request) {
    if (request.header("authorization") != std::string{"Bearer "} + kKey) {
        connection.respond_json(401, R"({"error": {"message": "Incorrect API key provided"}})");
    } else if (request.method == "GET") {
        connection.respond_json(200, R"({"data": [{"id": "m-1"}, {"id": "m-2"}]})");
    } else {
        connection.respond_json(
            200,
            R"({"model": "m-1", "choices": [{"index": 0, "message": {"role": "assistant", "content": "hello"},
             "finish_reason": "stop"}], "usage": {"prompt_tokens": 10, "completion_tokens": 5}})");
    }
}

struct Desk {
    TemporaryDirectory home;
    TestDatabase database;
    Cli cli = quick_cli(database);
    HttpServer server{answer};

    Desk() {
        cli.environment["HOME"] = home.path();
        REQUIRE(cli.run({"keyring", "init"}).code == 0);
    }
    Finished add(std::vector<std::string> more, const std::string& input = std::string{kKey} + "\n") {
        std::vector<std::string> arguments{"provider",        "add",     "house", "--base-url",
                                           server.url("/v1"), "--model", "m-1",   "--json"};
        arguments.insert(arguments.end(), more.begin(), more.end());
        return cli.run(std::move(arguments), input);
    }
};

}  // namespace

TEST_CASE("provider: at a terminal the key is not shown, and Ctrl-C gives the terminal back as it was") {
    Desk desk;
    const std::vector<std::string> add{oiabd_path(),           "provider", "add", "house", "--base-url",
                                       desk.server.url("/v1"), "--model",  "m-1"};
    {
        Terminal terminal{add, desk.cli.environment};
        eventually(30s, [&] { return terminal.shown().find("Key of house") != std::string::npos; }, "the question");
        CHECK_FALSE(terminal.echoes());
        terminal.type("k-half\x03");
        eventually(30s, [&] { return terminal.shown().find("no key was given") != std::string::npos; }, "the end");
        CHECK(terminal.echoes());
        CHECK(terminal.wait() == 1);
    }
    CHECK(desk.database.value("SELECT count(*) FROM providers") == "0");
    Terminal terminal{add, desk.cli.environment};
    eventually(30s, [&] { return terminal.shown().find("Key of house") != std::string::npos; }, "the question");
    terminal.type(std::string{kKey} + "\r");
    CHECK(terminal.wait() == 0);
    CHECK(terminal.shown().find(kKey) == std::string::npos);
    CHECK(json_of(desk.cli.run({"provider", "test", "house", "--json"}))["verdict"] == "works");
}

TEST_CASE("provider: a tenant's provider on this machine is not called until the operator allows it") {
    Desk desk;
    const auto tenant =
        desk.database.value("INSERT INTO tenants (name, slug) VALUES ('Contoso', 'contoso') RETURNING id");
    CHECK(json_of(desk.add({"--tenant", tenant}))["replaced"] == false);
    const auto verdict = [&] {
        return json_of(desk.cli.run({"provider", "test", "house", "--tenant", tenant, "--json"}));
    };
    const auto refused = verdict();
    CHECK(refused["verdict"] != "works");
    CHECK(refused.dump().find("private network") != std::string::npos);
    CHECK(desk.server.requests().empty());
    desk.cli.environment["OIABD_ALLOW_PRIVATE_PROVIDER_URLS"] = "true";
    CHECK(verdict()["verdict"] == "works");
}

TEST_CASE("provider: is added, listed without its key, tested, replaced and removed") {
    Desk desk;
    const auto added = json_of(desk.add({"--preferred"}));
    CHECK(added["replaced"] == false);
    CHECK(desk.database.value("SELECT credentials FROM providers").starts_with("v1:"));

    const auto listed = desk.cli.run({"provider", "list"});
    CHECK(listed.code == 0);
    CHECK(listed.out.find("house") != std::string::npos);
    CHECK(listed.out.find("********") != std::string::npos);
    const auto rows = json_of(desk.cli.run({"provider", "list", "--json"}));
    REQUIRE(rows.size() == 1);
    CHECK(rows[0]["hasKey"] == true);
    CHECK(rows[0].dump().find("v1:") == std::string::npos);

    const auto tested = json_of(desk.cli.run({"provider", "test", "house", "--json"}));
    CHECK(tested["verdict"] == "works");
    CHECK(tested["models"] == json{"m-1", "m-2"});
    CHECK(tested["latencyMs"].is_number());
    CHECK(desk.cli.run({"provider", "test", added["id"]}).out.find("m-2") != std::string::npos);
    CHECK(json_of(desk.cli.run({"provider", "list", "--json"}))[0]["lastError"].is_null());

    check_sentence(desk.cli.run({"provider", "add", "house", "--base-url", "http://x", "--no-key"}), 1,
                   "--replace overwrites it");
    CHECK(json_of(desk.add({"--replace"}, "sk-wrong"))["replaced"] == true);
    check_sentence(desk.cli.run({"provider", "test", "house"}), 4, "Incorrect API key");
    CHECK(json_of(desk.cli.run({"provider", "test", "house", "--json"}))["verdict"] == "dead");

    CHECK(json_of(desk.cli.run({"provider", "remove", "house", "--json"}))["removed"] == true);
    check_sentence(desk.cli.run({"provider", "remove", "house"}), 3, "has no provider house");
    CHECK(desk.cli.run({"provider", "list"}).out.find("There are no providers") != std::string::npos);
}

TEST_CASE("provider: a key comes from a pipe, a file or the environment, and never from the command line") {
    Desk desk;
    const auto file = desk.home.write("key.txt", std::string{kKey} + "\r\n");
    CHECK(desk.add({"--key-file", file}, "").code == 0);
    CHECK(json_of(desk.cli.run({"provider", "test", "house", "--json"}))["verdict"] == "works");
    desk.cli.environment["HOUSE_KEY"] = kKey;
    desk.cli.environment["HOUSE_KEY"] = std::string{kKey} + " \n";
    CHECK(desk.add({"--key-env", "HOUSE_KEY", "--replace"}, "").code == 0);
    CHECK(json_of(desk.cli.run({"provider", "test", "house", "--json"}))["verdict"] == "works");
    CHECK(desk.add({"--key-file", "-", "--replace"}).code == 0);
    CHECK(json_of(desk.cli.run({"provider", "test", "house", "--json"}))["verdict"] == "works");

    check_sentence(desk.add({"--replace"}, ""), 1, "no key was given");
    check_sentence(desk.add({"--replace"}, "two\nlines"), 1, "a key is one line");
    desk.cli.environment["TWO_LINES"] = "two\nlines";
    check_sentence(desk.add({"--key-env", "TWO_LINES", "--replace"}), 1, "a key is one line");
    check_sentence(desk.add({"--key-env", "NOT_SET", "--replace"}), 1, "no key was given");
    check_sentence(desk.add({"--key-file", desk.home.path() + "/none", "--replace"}), 1, "cannot read");
    check_sentence(desk.cli.run({"provider", "add", "x", "--key", kKey}), 2, "use --key-file");
    check_sentence(desk.cli.run({"provider", "add", "x", "--no-key"}), 1, "needs a base URL");
    check_sentence(desk.cli.run({"provider", "add", "x", "--settings", "[]", "--no-key"}), 2, "JSON object");
    check_sentence(desk.cli.run({"provider", "add", "x", "--tenant", "contoso"}), 2, "--tenant must be a UUID");
    check_sentence(desk.cli.run({"provider", "add", "x", "--base-url", "http://x", "--no-key", "--user",
                                 "00000000-0000-4000-8000-000000000001"}),
                   1, "is not there");
}

TEST_CASE("provider: turns go on while the keys are rotated and retired under them") {
    Desk desk;
    REQUIRE(desk.add({}).code == 0);
    auto& db = desk.database;
    const auto user = db.value("INSERT INTO users (handle) VALUES ('solo') RETURNING id");
    constexpr int kSessions = 8;
    for (int i = 0; i < kSessions; ++i)
        db.execute("INSERT INTO sessions_index (session_id, user_id) VALUES ($1, $2)",
                   pqxx::params{"s" + std::to_string(i), user});
    desk.cli.environment["OIABD_RUNTIME"] = "direct";
    const auto daemon = desk.cli.start({});
    wait_until_ready(*daemon);
    const auto enqueue = [&] {
        for (int i = 0; i < kSessions; ++i)
            db.execute(
                "INSERT INTO jobs (kind, payload) VALUES ('agent-turn', $1)",
                pqxx::params{json{{"userId", user}, {"sessionId", "s" + std::to_string(i)}, {"text", "hello"}}.dump()});
    };
    enqueue();
    eventually(60s, [&] { return count(db, "finished_at IS NOT NULL") != "0"; }, "a turn is done");
    for (int rotation = 0; rotation < 4; ++rotation) {
        enqueue();
        REQUIRE(desk.cli.run({"keyring", "rotate"}).code == 0);
        enqueue();
        REQUIRE(desk.cli.run({"keyring", "rotate", "--retire"}).code == 0);
    }
    enqueue();
    eventually(120s, [&] { return count(db, "finished_at IS NULL") == "0"; }, "every turn is done");
    CHECK(count(db, "status = 'completed' AND attempts = 1") == std::to_string(kSessions * 10));
    CHECK(secrets::load_keys({.path = desk.home.path() + "/.orginabox/.keyring"})->size() == 1);

    // A refresh by the daemon finds the key as well, and nobody has logged it.
    const auto job = desk.cli.enqueue({"provider-refresh"});
    eventually(
        60s, [&] { return count(db, "kind = 'provider-refresh' AND status = 'completed'") == "1"; },
        "the refresh is done");
    CHECK(db.value("SELECT result ->> 'works' FROM jobs WHERE id = $1", pqxx::params{job}) == "1");
    daemon->signal(SIGTERM);
    CHECK(daemon->wait_or_fail().code == 0);
    CHECK(daemon->err().find(kKey) == std::string::npos);
}
