#pragma once
/// @file  One randomized run of the durability test: a turn, the tools that its model calls, and where its worker dies.
/// Everything comes from the run's seed. A value; any thread.

#include <cstdint>
#include <nlohmann/json.hpp>
#include <random>
#include <string>
#include <vector>

namespace oiab::tests {

/// What a model calls in a round: "keyed" (its server honours the idempotency key), "blind" (its server does not), or
/// "memory" (memory_add of the daemon itself).
using Round = std::vector<std::string>;

struct DurableRun {
    std::uint64_t seed = 0;
    std::vector<Round> rounds;
    nlohmann::json crashes = nlohmann::json::array();
    std::string job;  ///< its id, once it is enqueued

    static DurableRun of(std::uint64_t seed) {
        DurableRun run;
        run.seed = seed;
        run.choose();
        return run;
    }
    void choose() {
        std::mt19937_64 random{seed};
        const auto upto = [&](std::size_t most) { return std::uniform_int_distribution<std::size_t>{0, most}(random); };
        std::vector<std::string> steps{"context", "model-1"};
        rounds.resize(upto(3));
        for (std::size_t r = 0; r < rounds.size(); ++r) {
            rounds[r].resize(1 + upto(1));
            for (std::size_t c = 0; c < rounds[r].size(); ++c) {
                const auto dice = upto(9);
                rounds[r][c] = dice < 5 ? "keyed" : dice < 8 ? "blind" : "memory";
                steps.push_back("tool-" + std::to_string(r + 1) + "-" + std::to_string(c));
            }
            steps.push_back("model-" + std::to_string(r + 2));
        }
        constexpr const char* kPoints[] = {"before_intent", "after_intent", "during",
                                           "after_effect",  "in_settle",    "after_settle"};
        for (auto left = upto(3); left > 0; --left)
            crashes.push_back({steps[upto(steps.size() - 1)], kPoints[upto(5)]});
    }

    /// What the user says: the model's script. "7: keyed,blind; memory" has two rounds of calls.
    [[nodiscard]] std::string text() const {
        std::string script = std::to_string(seed) + ":";
        for (const auto& round : rounds) {
            for (const auto& tool : round) script += (&tool == &round.front() ? " " : ",") + tool;
            script += ";";
        }
        return script;
    }
    [[nodiscard]] std::string session() const { return "run-" + std::to_string(seed); }

    struct Effect {
        std::string name;
        std::string tool;
        std::string step;
    };
    [[nodiscard]] std::vector<Effect> effects() const {
        std::vector<Effect> all;
        for (std::size_t r = 0; r < rounds.size(); ++r) {
            for (std::size_t c = 0; c < rounds[r].size(); ++c) {
                const auto place = std::to_string(r + 1) + "-" + std::to_string(c);
                all.push_back({std::to_string(seed) + "/" + place, rounds[r][c], "tool-" + place});
            }
        }
        return all;
    }
};

}  // namespace oiab::tests
