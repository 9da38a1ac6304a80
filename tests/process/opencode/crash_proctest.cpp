// Turns in a real opencode while oiabd, opencode or both are killed: each is finished by the next process and done
// once, or stops and says that nobody knows. Seeds are printed.
#include <catch2/catch_test_macros.hpp>
#include <csignal>
#include <random>

#include "sandbox.hpp"

using namespace oiab::tests;
using namespace std::chrono_literals;

namespace {

const char* name_of(Moment moment) {
    switch (moment) {
        case Moment::kBeforeFirstToken: return "before the first token";
        case Moment::kBetweenTokens: return "between tokens";
        case Moment::kBeforeEnd: return "before the end";
    }
    return "";
}

}  // namespace

TEST_CASE(
    "opencode runtime: oiabd killed at any moment of a turn, and the next one finishes it without a second effect") {
    Sandbox sandbox;
    struct Instant {
        std::size_t answer;
        Moment moment;
        bool goes_on_alone;  ///< the model answers while no oiabd is there
    };
    for (const auto& [answer, moment, alone] :
         {Instant{0, Moment::kBeforeFirstToken, false}, Instant{0, Moment::kBetweenTokens, true},
          Instant{1, Moment::kBeforeFirstToken, true}, Instant{1, Moment::kBetweenTokens, false},
          Instant{1, Moment::kBeforeEnd, false}}) {
        const std::string file = "once-" + std::to_string(answer) + std::to_string(static_cast<int>(moment)) + ".txt";
        INFO("killed in answer " << answer << ", " << name_of(moment));
        sandbox.model().reset({append_line(file), say({"It ", "is ", "done."})});
        sandbox.model().hold(answer, moment);
        const auto session = sandbox.add_session();
        auto victim = sandbox.start();
        const auto job = sandbox.turn(session);
        REQUIRE(sandbox.model().wait_until_held());
        victim->signal(SIGKILL);
        CHECK(victim->wait_or_fail().killed);
        if (alone) {
            sandbox.model().release();
            eventually(
                60s,
                [&] {
                    return sandbox.server().call("GET", "/session/status", nullptr, sandbox.directory()).body.empty();
                },
                "the turn ends in opencode though nobody follows it");
        }
        const auto heir = sandbox.start();
        if (!alone) {
            eventually(
                60s, [&] { return sandbox.of_job(job, "status = 'running' AND lease_epoch = 2") == "t"; },
                "the next daemon has taken the job over");
            sandbox.model().release();
        }
        sandbox.wait_until_final(job);
        sandbox.check_done_once(job, session, file);
        CHECK(sandbox.model().calls() == 2);
        CHECK(sandbox.charged_calls(session) == "2");
    }
}

TEST_CASE("opencode runtime: oiabd killed at random instants, again and again, leaves one effect and two model calls") {
    Sandbox sandbox;
    const auto seed = std::random_device{}();
    std::mt19937 random{seed};
    for (int run = 0; run < 5; ++run) {
        const std::string file = "random-" + std::to_string(run) + ".txt";
        sandbox.model().reset({append_line(file), say({"It ", "is ", "done."})});
        const auto session = sandbox.add_session();
        const auto job = sandbox.turn(session);
        std::string told = "seed " + std::to_string(seed) + ", run " + std::to_string(run) + ", killed after";
        const int kills = 1 + static_cast<int>(random() % 2);
        for (int kill = 0; kill < kills; ++kill) {
            const auto victim = sandbox.start();
            eventually(60s, [&] { return sandbox.of_job(job, "status <> 'pending'") == "t"; }, "the job was taken");
            const auto instant = std::chrono::milliseconds{random() % 2500};
            told += " " + std::to_string(instant.count()) + " ms";
            // Ends early only where the daemon ended by itself, which it does not.
            CHECK_FALSE(victim->wait(instant));
            victim->signal(SIGKILL);
            CHECK(victim->wait_or_fail().killed);
        }
        INFO(told);
        const auto last = sandbox.start();
        sandbox.wait_until_final(job);
        sandbox.check_done_once(job, session, file);
        CHECK(sandbox.model().calls() == 2);
        CHECK(sandbox.charged_calls(session) == "2");
    }
}

TEST_CASE(
    "opencode runtime: opencode killed between tool and answer is gone on with; killed in a tool, the turn stops") {
    Sandbox sandbox;
    sandbox.model().reset({append_line("kept.txt"), say({"It ", "is ", "done."})});
    sandbox.model().script("slowly", {append_line("tool.txt", "sleep 300"), say({"Slowly done."})});
    sandbox.model().hold(1, Moment::kBeforeFirstToken);
    const auto daemon = sandbox.start();
    const auto in_tool_session = sandbox.add_session();
    const auto in_tool = sandbox.turn(in_tool_session, "Do it slowly.");
    eventually(60s, [&] { return sandbox.has_file("tool.txt"); }, "the tool runs");
    const auto in_model_session = sandbox.add_session();
    const auto in_model = sandbox.turn(in_model_session);
    REQUIRE(sandbox.model().wait_until_held());
    sandbox.server().kill();
    sandbox.model().release();
    sandbox.server().start();  // while oiabd waits for it
    sandbox.wait_until_final(in_tool, 180s);
    sandbox.wait_until_final(in_model, 180s);

    CHECK(sandbox.of_job(in_tool, "status || failure_reason") == "failedeffect_unknown");
    CHECK(sandbox.of_job(in_tool, "last_error").find("bash") != std::string::npos);
    CHECK(sandbox.lines("tool.txt") == 1);
    // What the call cost that asked for the tool was never told.
    CHECK(sandbox.database().value("SELECT count(*) FILTER (WHERE uncertain) || ' of ' || count(*) FROM usage_events "
                                   "WHERE session_id = $1 AND purpose = 'chat'",
                                   pqxx::params{in_tool_session}) == "1 of 1");
    sandbox.check_done_once(in_model, in_model_session, "kept.txt");
    // The call that opencode's death cut off was made again, and no other one: first, cut off, again; and one of the
    // tool.
    CHECK(sandbox.model().calls() == 4);
    CHECK(sandbox.charged_calls(in_model_session) == "2");
    CHECK(sandbox.database().value("SELECT count(*) FROM usage_events WHERE session_id = $1 AND uncertain",
                                   pqxx::params{in_model_session}) == "1");
}

TEST_CASE("opencode runtime: opencode and oiabd killed together, and what comes back finishes the turn") {
    Sandbox sandbox;
    sandbox.model().reset({append_line("both.txt"), say({"It ", "is ", "done."})});
    sandbox.model().hold(0, Moment::kBeforeFirstToken);
    const auto session = sandbox.add_session();
    const auto victim = sandbox.start();
    const auto job = sandbox.turn(session);
    REQUIRE(sandbox.model().wait_until_held());
    sandbox.server().kill();
    victim->signal(SIGKILL);
    CHECK(victim->wait_or_fail().killed);
    sandbox.model().release();
    const auto heir = sandbox.start();
    sandbox.server().start();
    sandbox.wait_until_final(job, 180s);
    sandbox.check_done_once(job, session, "both.txt");
    CHECK(sandbox.model().calls() == 3);  // the first one was cut off
}
