#pragma once
/// @file  Runs the built oiabd as a user would, with a database of the test's own and nothing of this machine's
/// configuration.

#include <catch2/catch_test_macros.hpp>
#include <chrono>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "support/child_process.hpp"
#include "support/test_database.hpp"

namespace oiab::tests {

struct Cli {
    /// Variables beside those that name database and file; an empty file stands in for /etc/oiabd/oiabd.toml.
    std::map<std::string, std::string> environment{{"OIABD_CONFIG", "/dev/null"}, {"OIABD_LOG_FORMAT", "json"}};

    Cli() = default;
    explicit Cli(const TestDatabase& database) { environment["OIABD_DATABASE_URL"] = database.url(); }

    [[nodiscard]] Finished run(std::vector<std::string> arguments, std::string input = {}) const {
        arguments.insert(arguments.begin(), oiabd_path());
        return run_child(std::move(arguments), {.environment = environment, .input = std::move(input), .directory = {}},
                         std::chrono::seconds{60});
    }

    /// The service, for tests that need one at work.
    [[nodiscard]] std::unique_ptr<ChildProcess> start(std::vector<std::string> arguments) const {
        arguments.insert(arguments.begin(), oiabd_path());
        return std::make_unique<ChildProcess>(std::move(arguments),
                                              ChildOptions{.environment = environment, .input = {}, .directory = {}});
    }

    /// A command that is talked to: see ChildProcess::type.
    [[nodiscard]] std::unique_ptr<ChildProcess> converse(std::vector<std::string> arguments) const {
        arguments.insert(arguments.begin(), oiabd_path());
        return std::make_unique<ChildProcess>(
            std::move(arguments),
            ChildOptions{.environment = environment, .input = {}, .keeps_talking = true, .directory = {}});
    }

    /// Enqueues and returns the id.
    [[nodiscard]] std::string enqueue(std::vector<std::string> arguments) const {
        arguments.insert(arguments.begin(), "enqueue");
        const auto finished = run(std::move(arguments));
        INFO(finished.err);
        REQUIRE(finished.code == 0);
        return finished.out.substr(0, finished.out.find('\n'));
    }
};

/// One sentence on stderr, behind the program's name, and nothing on stdout.
inline void check_sentence(const Finished& finished, int code, const std::string& part) {
    INFO("stdout: " << finished.out << "\nstderr: " << finished.err);
    CHECK(finished.code == code);
    CHECK(finished.out.empty());
    CHECK(finished.err.starts_with("oiabd: "));
    CHECK(finished.err.find(part) != std::string::npos);
    CHECK(finished.err.find('\n') == finished.err.size() - 1);
}

inline nlohmann::json json_of(const Finished& finished) {
    INFO("stdout: " << finished.out << "\nstderr: " << finished.err);
    auto value = nlohmann::json::parse(finished.out, nullptr, false);
    REQUIRE(!value.is_discarded());
    return value;
}

}  // namespace oiab::tests
