#include <sys/stat.h>

#include <catch2/catch_test_macros.hpp>
#include <fstream>
#include <sstream>

#include "cli.hpp"
#include "secrets/box.hpp"
#include "secrets/keyring_file.hpp"
#include "support/temporary_directory.hpp"

namespace {

using namespace oiab;
using namespace oiab::tests;

std::string content_of(const std::string& path) {
    std::ifstream file{path, std::ios::binary};
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
}

struct Place {
    TemporaryDirectory home;
    TestDatabase database;
    Cli cli{database};
    std::string file = home.path() + "/.orginabox/.keyring";

    Place() { cli.environment["HOME"] = home.path(); }
    [[nodiscard]] std::vector<secrets::Key> keys() const { return *secrets::load_keys({.path = file}); }
    void add(const std::string& name, const secrets::Key& key) {
        database.execute("INSERT INTO providers (provider, credentials) VALUES ($1, $2)",
                         pqxx::params{name, secrets::seal(key, "sk-secret-of-" + name)});
    }
};

}  // namespace

TEST_CASE("keyring: init makes a private file in the home directory, once, and prints no key") {
    Place place;
    const auto made = json_of(place.cli.run({"keyring", "init", "--json"}));
    CHECK(made["file"] == place.file);
    CHECK(made["keys"].size() == 1);
    struct stat status{};
    REQUIRE(::stat(place.file.c_str(), &status) == 0);
    CHECK((status.st_mode & 0777U) == 0600U);
    const auto before = content_of(place.file);
    CHECK(before.size() == 45);
    CHECK(made.dump().find(before.substr(0, 43)) == std::string::npos);
    check_sentence(place.cli.run({"keyring", "init"}), 1, "there is a keyring already");
    CHECK(content_of(place.file) == before);
}

TEST_CASE("keyring: rotate encrypts everything anew, --retire leaves one key") {
    Place place;
    REQUIRE(place.cli.run({"keyring", "init"}).code == 0);
    const auto first = place.keys().front();
    place.add("openai", first);
    place.add("anthropic", first);

    const auto rotated = json_of(place.cli.run({"keyring", "rotate", "--json"}));
    CHECK(rotated["keys"].size() == 2);
    CHECK(rotated["sealed"][0]["rewritten"] == 2);
    REQUIRE(place.keys().size() == 2);
    const auto second = place.keys().front();
    CHECK(place.keys().back() == first);
    const auto sealed = place.database.value("SELECT credentials FROM providers WHERE provider = 'openai'");
    CHECK(secrets::open(second, sealed)->view() == "sk-secret-of-openai");

    const auto status = json_of(place.cli.run({"keyring", "status", "--json"}));
    CHECK(status["keys"][0]["encrypts"] == true);
    CHECK(status["sealed"][0]["byKey"] == nlohmann::json{{second.name(), 2}});

    CHECK(json_of(place.cli.run({"keyring", "rotate", "--retire", "--json"}))["keys"].size() == 1);
    REQUIRE(place.keys().size() == 1);
    CHECK(place.keys().front() == second);
    // With one key only it is the whole rotation.
    CHECK(place.cli.run({"keyring", "rotate", "--retire"}).code == 0);
    REQUIRE(place.keys().size() == 1);
    CHECK_FALSE(place.keys().front() == second);
    const auto told = place.cli.run({"keyring", "status"});
    CHECK(told.code == 0);
    CHECK(told.out.find(place.keys().front().name()) != std::string::npos);
    CHECK(told.out.find("sk-secret") == std::string::npos);
}

TEST_CASE("keyring: a new key can be given to other hosts before anything is encrypted with it") {
    Place place;
    REQUIRE(place.cli.run({"keyring", "init"}).code == 0);
    const auto first = place.keys().front();
    place.add("openai", first);
    REQUIRE(place.cli.run({"keyring", "rotate", "--prepare"}).code == 0);
    REQUIRE(place.keys().size() == 2);
    CHECK(place.keys().front() == first);
    const auto sealed = place.database.value("SELECT credentials FROM providers");
    CHECK(secrets::open(first, sealed).has_value());
    const auto second = place.keys().back();
    REQUIRE(place.cli.run({"keyring", "rotate", "--promote"}).code == 0);
    CHECK(place.keys().front() == second);
    CHECK(secrets::open(second, place.database.value("SELECT credentials FROM providers")).has_value());
    REQUIRE(place.cli.run({"keyring", "rotate", "--retire"}).code == 0);
    REQUIRE(place.keys().size() == 1);
    CHECK(place.keys().front() == second);
}

TEST_CASE("keyring: what no key opens is told, survives a rotation and holds up nothing") {
    Place place;
    REQUIRE(place.cli.run({"keyring", "init"}).code == 0);
    place.add("foreign", secrets::Key::make_random());
    const auto before = place.database.value("SELECT credentials FROM providers");
    const auto status = place.cli.run({"keyring", "status"});
    CHECK(status.code == 1);
    CHECK(status.out.find("No key here opens: providers.credentials 1") != std::string::npos);
    const auto rotated = place.cli.run({"keyring", "rotate", "--retire"});
    CHECK(rotated.code == 0);
    CHECK(rotated.out.find("No key here opens") != std::string::npos);
    CHECK(place.database.value("SELECT credentials FROM providers") == before);
}

TEST_CASE("keyring: a database that cannot be reached leaves the keyring as it is") {
    Place place;
    REQUIRE(place.cli.run({"keyring", "init"}).code == 0);
    const auto before = content_of(place.file);
    auto lost = place.cli;
    lost.environment["OIABD_DATABASE_URL"] = "postgresql://nobody@127.0.0.1:1/nothing";
    CHECK(lost.run({"keyring", "rotate"}).code == 1);
    CHECK(content_of(place.file) == before);
    check_sentence(place.cli.run({"keyring", "status", "--keyring-file", place.home.path() + "/none"}), 1,
                   "`oiabd keyring init` makes one");
    REQUIRE(::chmod(place.file.c_str(), 0644) == 0);
    check_sentence(place.cli.run({"keyring", "rotate"}), 1, "chmod 600");
}

TEST_CASE("keyring: systemd's credential is used as it is, and not changed") {
    Place place;
    const auto key = secrets::Key::make_random();
    const auto path = place.home.write("keyring", secrets::format_keys({key}).view());
    REQUIRE(::chmod(path.c_str(), 0440) == 0);
    place.cli.environment["CREDENTIALS_DIRECTORY"] = place.home.path();
    const auto status = json_of(place.cli.run({"keyring", "status", "--json"}));
    CHECK(status["file"] == path);
    CHECK(status["keys"][0]["name"] == key.name());
    check_sentence(place.cli.run({"keyring", "rotate"}), 1, "credential of the service manager");
}

TEST_CASE("keyring: a rotation's steps can be repeated, and none drops or swaps a key that is needed") {
    Place place;
    REQUIRE(place.cli.run({"keyring", "init"}).code == 0);
    const auto first = place.keys().front();
    check_sentence(place.cli.run({"keyring", "rotate", "--promote"}), 1, "no other key to promote");
    REQUIRE(place.cli.run({"keyring", "rotate", "--prepare"}).code == 0);
    REQUIRE(place.cli.run({"keyring", "rotate", "--prepare"}).code == 0);
    REQUIRE(place.keys().size() == 2);
    const auto second = place.keys().back();
    check_sentence(place.cli.run({"keyring", "rotate", "--retire"}), 1, "is prepared and not in use yet");
    REQUIRE(place.keys().size() == 2);

    REQUIRE(place.cli.run({"keyring", "rotate", "--promote"}).code == 0);
    place.add("late", first);  // by a host that has the old file still
    REQUIRE(place.cli.run({"keyring", "rotate", "--promote"}).code == 0);
    CHECK(place.keys().front() == second);
    CHECK(secrets::open(second, place.database.value("SELECT credentials FROM providers")).has_value());
    REQUIRE(place.cli.run({"keyring", "rotate", "--retire"}).code == 0);
    REQUIRE(place.keys().size() == 1);
    CHECK(place.keys().front() == second);
}
