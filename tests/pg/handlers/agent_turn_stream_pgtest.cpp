// What those see who read an answer while it is being written.
#include "agent_fixture.hpp"

using namespace oiab;
using namespace oiab::tests;
using namespace std::chrono_literals;

namespace {

/// Speaks and calls a tool at once.
ChatReply speak_and_search(std::string text) {
    auto reply = use_tool("memory_search", R"({"query": "tea"})");
    reply->content = std::move(text);
    return reply;
}

}  // namespace

TEST_CASE("stream: a retried turn writes only what was cut off anew, and the whole answer stands there at the end") {
    auto chat = std::make_shared<ScriptedChat>([](const ChatRequest&, int number) -> boost::asio::awaitable<ChatReply> {
        if (number == 1) co_return speak_and_search("Let me look. ");
        if (number == 3) co_return say("You like tea.");
        boost::asio::steady_timer forever{co_await boost::asio::this_coro::executor, 1h};
        co_await forever.async_wait(boost::asio::use_awaitable);
        co_return say("never");
    });
    Organisation org{chat};
    auto& db = org.database();
    const auto job = org.enqueue_turn("What do I like?");
    org.start();
    eventually(30s, [&] { return chat->requests().size() == 2; }, "the second call is under way");
    const auto first = db.value("SELECT created_at FROM session_stream WHERE position = 0");
    org.stop();
    db.execute("INSERT INTO session_stream (session_id, job_id, position, delta) VALUES ('s1', $1, 13, 'You li')",
               pqxx::params{job});
    REQUIRE(org.finish(job) == "completed");
    CHECK(db.value("SELECT string_agg(delta, '' ORDER BY position) FROM session_stream") ==
          "Let me look. You like tea.");
    // The recorded call was not spoken again, so a reader of it notices nothing of the retry.
    CHECK(db.value("SELECT created_at FROM session_stream WHERE position = 0") == first);
    CHECK(chat->requests().size() == 3);
}
