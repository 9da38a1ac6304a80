// How much of a session's messages is asked for, look by look, and that nothing is missed by it.
#include "agent/opencode_transcript.hpp"

#include <catch2/catch_test_macros.hpp>
#include <random>

using namespace oiab;
using namespace oiab::agent;
using clients::OpencodeMessage;

namespace {

/// A session as opencode has it, which counts what it is asked for.
struct Session {
    std::vector<OpencodeMessage> messages;
    int asked = 0;
    int sent = 0;

    void add(const std::string& role, const std::string& finish = "stop") {
        auto& message = messages.emplace_back();
        message.id = "msg_" + std::to_string(messages.size());
        message.role = role;
        message.finish = finish;
        message.completed = !finish.empty();
    }
    std::vector<OpencodeMessage> newest(int limit) {
        ++asked;
        const auto count = std::min<std::ptrdiff_t>(limit, std::ssize(messages));
        sent += static_cast<int>(count);
        return {messages.end() - count, messages.end()};
    }
    void look(OpencodeTranscript& transcript, const std::string& back_to) {
        while (!transcript.take(newest(transcript.limit()), back_to)) {
        }
    }
};

std::string tell(const std::vector<OpencodeMessage>& messages) {
    std::string text;
    for (const auto& message : messages) text += message.id + message.role + message.finish + " ";
    return text;
}

}  // namespace

TEST_CASE("opencode transcript: a look at a turn that goes on asks for what is new, not for the whole turn") {
    Session session;
    session.add("user");
    OpencodeTranscript transcript;
    for (int step = 0; step < 300; ++step) {
        session.add("assistant", "");
        session.look(transcript, "msg_1");
        CHECK(transcript.messages().back().finish.empty());
        session.messages.back().finish = "tool-calls";
        session.look(transcript, "msg_1");
        CHECK(transcript.messages().back().finish == "tool-calls");
    }
    CHECK(tell(transcript.messages()) == tell(session.messages));
    CHECK(session.asked == 600);
    CHECK(session.sent <= 600 * 20);
}

TEST_CASE("opencode transcript: a long conversation is not read for a prompt that it does not hold") {
    Session session;
    for (int turn = 0; turn < 1000; ++turn) {
        session.add("user");
        session.add("assistant");
    }
    OpencodeTranscript transcript;
    CHECK_FALSE(transcript.take(session.newest(transcript.limit()), "msg_2001"));
    transcript.accept();
    CHECK(session.sent == 20);
    session.add("user");
    session.add("assistant", "");
    session.look(transcript, "msg_2001");
    session.look(transcript, "msg_2001");
    CHECK(session.sent == 40);
    CHECK(transcript.messages().back().id == "msg_2002");
    CHECK(transcript.messages()[transcript.messages().size() - 2].id == "msg_2001");
}

TEST_CASE("opencode transcript: a prompt that stands further back is read back to, once") {
    Session session;
    for (int i = 0; i < 500; ++i) session.add("assistant");
    session.add("user");
    for (int i = 0; i < 150; ++i) session.add("assistant", "tool-calls");
    OpencodeTranscript transcript;
    session.look(transcript, "msg_501");
    CHECK(session.asked == 2);
    CHECK(std::ranges::find(transcript.messages(), "msg_501", &OpencodeMessage::id) != transcript.messages().end());
    session.sent = 0;
    session.look(transcript, "msg_501");
    CHECK(session.sent == 10);
    CHECK(std::ranges::find(transcript.messages(), "msg_501", &OpencodeMessage::id) != transcript.messages().end());
}

TEST_CASE("opencode transcript: whatever happens between two looks, nothing is missed and nothing is twice") {
    const auto seed = std::random_device{}();
    INFO("seed " << seed);
    std::mt19937 random{seed};
    for (int round = 0; round < 200; ++round) {
        Session session;
        OpencodeTranscript transcript;
        for (int look = 0; look < 20; ++look) {
            const int steps = static_cast<int>(random() % (look % 5 == 0 ? 150 : 8));
            for (int step = 0; step < steps; ++step) {
                // Only the last assistant's message is ever written to, and only while it is the last.
                if (!session.messages.empty() && session.messages.back().role == "assistant" && random() % 4 != 0)
                    session.messages.back().finish = "stop";
                session.add(random() % 5 == 0 ? "user" : "assistant", random() % 3 == 0 ? "" : "tool-calls");
            }
            session.look(transcript, {});
            REQUIRE(tell(transcript.messages()) == tell(session.messages));
        }
    }
}
