#include "secrets/keyring.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <fstream>
#include <thread>

#include "secrets/base64.hpp"
#include "support/temporary_directory.hpp"

namespace {

using namespace oiab::secrets;
using Catch::Matchers::ContainsSubstring;
using oiab::tests::TemporaryDirectory;

constexpr std::string_view kHex = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

std::string bytes_of(std::string_view hex) { return std::string{read_hex(hex)->view()}; }

KeyringPlace place_in(const TemporaryDirectory& directory, const std::string& name = "keyring") {
    return {.path = directory.path() + "/" + name};
}

std::string write_private(const TemporaryDirectory& directory, std::string_view text) {
    const auto path = directory.write("keyring", text);
    REQUIRE(::chmod(path.c_str(), 0600) == 0);
    return path;
}

}  // namespace

TEST_CASE("keyring file: one key is read in each form that it may have") {
    const std::string bytes = bytes_of(kHex);
    std::string upper{kHex};
    for (char& c : upper) c = static_cast<char>(std::toupper(c));
    std::string url = to_base64(std::string(32, '\xfb'));
    for (char& c : url) c = c == '+' ? '-' : c == '/' ? '_' : c;
    while (url.ends_with('=')) url.pop_back();
    CHECK(parse_keys(kHex)->front().bytes() == bytes);
    CHECK(parse_keys(upper + "\n")->front().bytes() == bytes);
    CHECK(parse_keys(to_base64(bytes))->front().bytes() == bytes);
    CHECK(parse_keys("  " + to_base64(bytes) + " \r\n")->front().bytes() == bytes);
    CHECK(parse_keys(url)->front().bytes() == std::string(32, '\xfb'));
    CHECK(parse_keys(bytes)->front().bytes() == bytes);
}

TEST_CASE("keyring file: several keys keep their order, and each counts once") {
    const auto a = Key::make_random();
    const auto b = Key::make_random();
    const auto line_a = to_base64(a.bytes());
    const auto keys =
        parse_keys("# written by a person\n" + line_a + "\n\n" + to_base64(b.bytes()) + "\n" + line_a + "\n");
    REQUIRE(keys.has_value());
    REQUIRE(keys->size() == 2);
    CHECK(keys->front() == a);
    CHECK(keys->back() == b);
    const auto again = parse_keys(format_keys(*keys).view());
    CHECK(again->size() == 2);
    CHECK(again->front() == a);
    CHECK(a.name() != b.name());
    CHECK(a.name().size() == 8);
}

TEST_CASE("keyring file: what is no key is told by its line, and never repeated") {
    const auto secret = "my-secret-passphrase-that-nobody-may-read";
    const auto wrong = parse_keys("# first\n" + std::string{secret} + "\n");
    REQUIRE_FALSE(wrong.has_value());
    CHECK(wrong.error().trouble == KeyringTrouble::kGarbled);
    CHECK_THAT(wrong.error().message, ContainsSubstring("line 2"));
    CHECK(wrong.error().message.find("secret") == std::string::npos);
    CHECK_FALSE(parse_keys("").has_value());
    CHECK_FALSE(parse_keys("\n# nothing\n").has_value());
    CHECK_FALSE(parse_keys(to_base64(std::string(31, 'x'))).has_value());
    CHECK_FALSE(parse_keys(to_base64(std::string(33, 'x'))).has_value());
    CHECK_FALSE(parse_keys(std::string{kHex}.substr(2)).has_value());
}

TEST_CASE("keyring file: one that others can read is refused with a sentence") {
    TemporaryDirectory directory;
    const auto path = write_private(directory, kHex);
    for (const mode_t mode : {0640U, 0604U, 0660U, 0644U, 0601U}) {
        REQUIRE(::chmod(path.c_str(), mode) == 0);
        const auto keys = load_keys({.path = path});
        REQUIRE_FALSE(keys.has_value());
        CHECK(keys.error().trouble == KeyringTrouble::kRefused);
        CHECK_THAT(keys.error().message, ContainsSubstring(path) && ContainsSubstring("chmod 600"));
        // systemd's credentials are guarded by their directory.
        CHECK(load_keys({.path = path, .access = FileAccess::kAnybody}).has_value());
    }
    for (const mode_t mode : {0600U, 0400U}) {
        REQUIRE(::chmod(path.c_str(), mode) == 0);
        CHECK(load_keys({.path = path}).has_value());
    }
    CHECK(load_keys({.path = directory.path() + "/none"}).error().trouble == KeyringTrouble::kMissing);
    CHECK(load_keys({.path = directory.path()}).error().trouble == KeyringTrouble::kRefused);
}

TEST_CASE("keyring file: is made for its owner alone, once") {
    TemporaryDirectory directory;
    const auto place = place_in(directory, ".orginabox/.keyring");
    const auto key = Key::make_random();
    REQUIRE(create_keys(place, {key}).has_value());
    struct stat status{};
    REQUIRE(::stat(place.path.c_str(), &status) == 0);
    CHECK((status.st_mode & 0777U) == 0600U);
    CHECK(load_keys(place)->front() == key);
    const auto again = create_keys(place, {Key::make_random()});
    REQUIRE_FALSE(again.has_value());
    CHECK_THAT(again.error().message, ContainsSubstring("already"));
    CHECK(load_keys(place)->front() == key);

    const auto next = Key::make_random();
    REQUIRE(replace_keys(place, {next, key}).has_value());
    CHECK(load_keys(place)->size() == 2);
    REQUIRE(::stat(place.path.c_str(), &status) == 0);
    CHECK((status.st_mode & 0777U) == 0600U);
    CHECK_FALSE(
        replace_keys({.path = place.path, .access = FileAccess::kAnybody, .writable = false}, {key}).has_value());
}

TEST_CASE("keyring: a file that changes is read again without being told") {
    TemporaryDirectory directory;
    const auto place = place_in(directory);
    const auto old_key = Key::make_random();
    const auto new_key = Key::make_random();
    REQUIRE(create_keys(place, {old_key}).has_value());
    Keyring keyring{place};
    const auto by_old = keyring.seal("sk-1");
    REQUIRE(by_old.has_value());
    CHECK(keyring.open(*by_old)->view() == "sk-1");

    REQUIRE(replace_keys(place, {new_key, old_key}).has_value());
    CHECK(keyring.open(seal(new_key, "sk-2"))->view() == "sk-2");
    CHECK(keyring.open(*by_old)->view() == "sk-1");
    CHECK(open(new_key, *keyring.seal("sk-3"))->view() == "sk-3");

    REQUIRE(replace_keys(place, {new_key}).has_value());
    CHECK(keyring.open(*by_old).error().trouble == KeyringTrouble::kNoKey);
}

TEST_CASE("keyring: a change that the file's times do not show is found when no key fits") {
    TemporaryDirectory directory;
    const auto old_key = Key::make_random();
    const auto new_key = Key::make_random();
    const auto path = write_private(directory, format_keys({old_key}).view());
    Keyring keyring{{.path = path}};
    REQUIRE(keyring.keys().has_value());
    struct stat before{};
    REQUIRE(::stat(path.c_str(), &before) == 0);
    write_private(directory, format_keys({new_key}).view());  // the same file, as long as before
    const timespec times[] = {before.st_atim, before.st_mtim};
    REQUIRE(::utimensat(AT_FDCWD, path.c_str(), times, 0) == 0);
    CHECK(keyring.open(seal(new_key, "sk"))->view() == "sk");
}

TEST_CASE("keyring: tells a missing file, a plain text and a foreign box apart, and goes on once there is a file") {
    TemporaryDirectory directory;
    const auto place = place_in(directory);
    Keyring keyring{place};
    const auto sealed = seal(Key::make_random(), "sk");
    CHECK(keyring.open(sealed).error().trouble == KeyringTrouble::kMissing);
    CHECK(keyring.open("sk-plain").error().trouble == KeyringTrouble::kNotABox);
    CHECK(keyring.seal("sk").error().trouble == KeyringTrouble::kMissing);
    REQUIRE(create_keys(place, {Key::make_random()}).has_value());
    CHECK(keyring.open(sealed).error().trouble == KeyringTrouble::kNoKey);
    CHECK(keyring.open(sealed).error().message.find("sk") == std::string::npos);
    CHECK(keyring.open(*keyring.seal("sk"))->view() == "sk");
}

TEST_CASE("keyring: a file that breaks under a running process does not take its keys away") {
    TemporaryDirectory directory;
    const auto path = write_private(directory, kHex);
    Keyring keyring{{.path = path}};
    const auto sealed = keyring.seal("sk");
    REQUIRE(sealed.has_value());
    write_private(directory, "half a li");
    CHECK(keyring.open(*sealed)->view() == "sk");
    REQUIRE(::unlink(path.c_str()) == 0);
    CHECK(keyring.open(*sealed)->view() == "sk");
}

TEST_CASE("keyring: any number of threads may use it while the file changes") {
    TemporaryDirectory directory;
    const auto place = place_in(directory);
    const auto key = Key::make_random();
    REQUIRE(create_keys(place, {key}).has_value());
    Keyring keyring{place};
    const auto sealed = seal(key, "sk");
    std::atomic<int> failures = 0;
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i)
        threads.emplace_back([&] {
            for (int n = 0; n < 200; ++n)
                if (const auto plain = keyring.open(sealed); !plain || plain->view() != "sk") ++failures;
        });
    for (int n = 0; n < 20; ++n) REQUIRE(replace_keys(place, {Key::make_random(), key}).has_value());
    for (auto& thread : threads) thread.join();
    CHECK(failures == 0);
}
