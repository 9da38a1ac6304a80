/// @file  A backfill under load: calls that overlap, workers that share it, one that dies in the middle.

#include <atomic>
#include <boost/asio/steady_timer.hpp>
#include <map>
#include <set>

#include "agent_fixture.hpp"

using namespace oiab;
using namespace oiab::tests;

namespace {

/// Answers when the test lets it; counts how often each text was sent, and how many calls were under way at once.
class PatientEmbedder final : public clients::Embedder {
public:
    boost::asio::awaitable<std::expected<clients::Embeddings, ModelError>> embed(std::vector<std::string> texts,
                                                                                 core::Deadline) override {
        const int mine = ++calls;
        for (int now = ++under_way, most = at_once; now > most && !at_once.compare_exchange_weak(most, now);) {
        }
        {
            const std::scoped_lock lock{mutex};
            for (const auto& text : texts) ++sent[text];
        }
        boost::asio::steady_timer timer{co_await boost::asio::this_coro::executor};
        while (!(at_once >= wait_for && (open || mine <= answered))) {
            timer.expires_after(std::chrono::milliseconds{2});
            co_await timer.async_wait(boost::asio::use_awaitable);
        }
        if (busy.contains(mine)) {
            // Not before another call of the same attempt has ended: each attempt gets something done.
            for (const int before = ended; ended == before;) {
                timer.expires_after(std::chrono::milliseconds{2});
                co_await timer.async_wait(boost::asio::use_awaitable);
            }
        }
        --under_way;
        ++ended;
        if (fails) co_return std::unexpected{ModelError{ModelErrorClass::kPermanent, "no", std::nullopt, 401}};
        if (busy.contains(mine)) {
            co_return std::unexpected{
                ModelError{ModelErrorClass::kRetryable, "busy", std::chrono::milliseconds{1}, 429}};
        }
        clients::Embeddings answer;
        answer.model = "patient";
        for (std::size_t i = 0; i < texts.size(); ++i) {
            clients::Embedded item;
            item.vector.assign(clients::kEmbeddingDimensions, 0.0F);
            item.vector[i % 100] = 1.0F;
            answer.items.push_back(std::move(item));
        }
        co_return answer;
    }
    [[nodiscard]] std::string_view model() const noexcept override { return "patient"; }

    int most_sent() {
        const std::scoped_lock lock{mutex};
        int most = 0;
        for (const auto& [text, count] : sent) most = std::max(most, count);
        return most;
    }
    std::size_t sent_in_all() {
        const std::scoped_lock lock{mutex};
        std::size_t all = 0;
        for (const auto& [text, count] : sent) all += static_cast<std::size_t>(count);
        return all;
    }

    std::atomic<int> wait_for = 1;  ///< calls under way at once, before which none is answered
    std::atomic<bool> open = true;
    std::atomic<int> answered = 0;  ///< while it is not open, the calls up to this one are answered
    std::atomic<bool> fails = false;
    std::set<int> busy;  ///< the calls that are told to come again
    std::atomic<int> calls = 0;
    std::atomic<int> under_way = 0;
    std::atomic<int> ended = 0;
    std::atomic<int> at_once = 0;
    std::mutex mutex;
    std::map<std::string, int> sent;
};

auto silent() {
    return scripted([](const ChatRequest&, int) { return say(""); });
}

void add_memories(Organisation& org, int count) {
    org.database().execute(
        "INSERT INTO memories (user_id, tenant_id, content) SELECT $1, $2, 'text ' || n FROM generate_series(1, "
        "$3::integer) AS n",
        pqxx::params{org.user(), org.tenant(), count});
}

std::string left(Organisation& org) {
    return org.database().value("SELECT count(*) FROM memories WHERE embedding IS NULL");
}

}  // namespace

TEST_CASE("embed-memories: one job has several calls under way at once, and sends no text twice") {
    auto embedder = std::make_shared<PatientEmbedder>();
    embedder->wait_for = 3;  // one after the other would never be answered
    Organisation org{silent(), embedder};
    add_memories(org, 60);
    const auto job = org.enqueue("embed-memories", {{"batchSize", 5}});
    REQUIRE(org.finish(job) == "completed");
    CHECK(left(org) == "0");
    CHECK(embedder->at_once >= 3);
    CHECK(embedder->at_once <= 4);
    CHECK(embedder->most_sent() == 1);
    CHECK(org.result(job)["embedded"] == 60);
}

TEST_CASE("embed-memories: several jobs share a backfill, and no text is sent twice") {
    auto embedder = std::make_shared<PatientEmbedder>();
    embedder->wait_for = 5;  // more than one job has
    Organisation org{silent(), embedder};
    add_memories(org, 80);
    const auto first = org.enqueue("embed-memories", {{"batchSize", 4}});
    const auto second = org.enqueue("embed-memories", {{"batchSize", 4}});
    REQUIRE(org.finish(first) == "completed");
    REQUIRE(org.finish(second) == "completed");
    CHECK(left(org) == "0");
    CHECK(embedder->most_sent() == 1);
    CHECK(org.result(first)["embedded"].get<int>() + org.result(second)["embedded"].get<int>() == 80);
}

TEST_CASE("embed-memories: a worker that dies in the middle has at most its open calls made again") {
    auto embedder = std::make_shared<PatientEmbedder>();
    Organisation org{silent(), embedder};
    add_memories(org, 60);
    embedder->open = false;
    const auto job = org.enqueue("embed-memories", {{"batchSize", 5}});
    org.start();
    eventually(std::chrono::seconds{60}, [&] { return embedder->calls == 4; }, "four calls are under way");
    org.stop();
    embedder->open = true;
    REQUIRE(org.finish(job) == "completed");
    CHECK(left(org) == "0");
    CHECK(embedder->most_sent() <= 2);
    CHECK(embedder->sent_in_all() <= 60 + 4 * 5);
}

TEST_CASE("embed-memories: a place at the provider is taken again before the answer is written down") {
    auto embedder = std::make_shared<PatientEmbedder>();
    Organisation org{silent(), embedder};
    add_memories(org, 60);
    embedder->open = false;
    const auto job = org.enqueue("embed-memories", {{"batchSize", 5}});
    org.start();
    // Four calls are under way; four batches more are claimed, for one of which the money is set aside. That is all.
    eventually(
        std::chrono::seconds{60},
        [&] {
            return embedder->calls == 4 && org.database().value("SELECT count(*) FROM usage_reservations") == "5" &&
                   org.database().value("SELECT count(*) FROM memories WHERE embedding_claimed_until IS NOT NULL") ==
                       "40";
        },
        "what comes next is prepared");
    pqxx::connection other{org.database().url()};
    pqxx::work lock{other};
    lock.exec("SELECT id FROM memories WHERE embedding_claimed_until IS NOT NULL FOR UPDATE");
    embedder->answered = 1;
    eventually(
        std::chrono::seconds{60}, [&] { return embedder->calls == 5; },
        "the next call is made while the first answer waits to be written");
    CHECK(embedder->under_way == 4);
    lock.commit();
    embedder->open = true;
    REQUIRE(org.finish(job) == "completed");
    CHECK(left(org) == "0");
    CHECK(embedder->at_once == 4);
    CHECK(embedder->most_sent() == 1);
    CHECK(org.database().value("SELECT count(*) FROM usage_reservations") == "0");
}

TEST_CASE("embed-memories: what was in line when a call failed is not sent, and its money is free again") {
    auto embedder = std::make_shared<PatientEmbedder>();
    Organisation org{silent(), embedder};
    add_memories(org, 60);
    embedder->open = false;
    const auto job = org.enqueue("embed-memories", {{"batchSize", 5}}, 1);
    org.start();
    eventually(
        std::chrono::seconds{60},
        [&] { return embedder->calls == 4 && org.database().value("SELECT count(*) FROM usage_reservations") == "5"; },
        "one is in line");
    embedder->fails = true;
    embedder->open = true;
    REQUIRE(org.finish(job) == "failed");
    CHECK(embedder->calls == 4);
    CHECK(org.database().value("SELECT count(*) FROM usage_reservations") == "0");
    CHECK(org.database().value("SELECT count(*) FROM usage_events") == "0");
    CHECK(org.database().value("SELECT count(*) FROM memories WHERE embedding_claimed_until IS NOT NULL") == "0");
}

TEST_CASE("embed-memories: one job of the default limit goes on until nothing is left") {
    auto embedder = std::make_shared<PatientEmbedder>();
    Organisation org{silent(), embedder};
    add_memories(org, 2500);
    const auto job = org.enqueue("embed-memories", nlohmann::json::object());
    REQUIRE(org.finish(job) == "completed");
    CHECK(left(org) == "0");
    CHECK(org.result(job)["embedded"] == 2500);
    CHECK(org.result(job)["calls"] == 27);
    CHECK(org.result(job)["successor"] == false);
    CHECK(embedder->most_sent() == 1);
    CHECK(org.database().value("SELECT count(*) FROM jobs WHERE kind = 'embed-memories'") == "1");
}

TEST_CASE("embed-memories: a job whose time is over leaves the rest to its successor, which repeats nothing") {
    auto embedder = std::make_shared<PatientEmbedder>();
    Organisation org{silent(), embedder};
    add_memories(org, 20);
    // No time at all: each job has one batch.
    const auto job = org.database().value(
        "INSERT INTO jobs (kind, payload, dedupe_key, max_attempts, timeout_seconds) VALUES ('embed-memories', "
        "'{\"batchSize\": 5, \"seconds\": 0}', 'backfill', 7, 900) RETURNING id");
    REQUIRE(org.finish(job) == "completed");
    CHECK(org.result(job)["embedded"] == 5);
    CHECK(org.result(job)["successor"] == true);
    eventually(
        std::chrono::seconds{60},
        [&] {
            return left(org) == "0" &&
                   org.database().value("SELECT count(*) FROM jobs WHERE finished_at IS NULL") == "0";
        },
        "the successors finish the rest");
    CHECK(org.database().value("SELECT count(*) FROM jobs WHERE status = 'completed' AND dedupe_key = 'backfill' AND "
                               "max_attempts = 7 AND timeout_seconds = 900") == "4");
    CHECK(embedder->calls == 4);
    CHECK(embedder->most_sent() == 1);
}

TEST_CASE("embed-memories: a backlog of equal texts is not claimed as a whole while one call asks about them") {
    auto embedder = std::make_shared<PatientEmbedder>();
    embedder->open = false;
    Organisation org{silent(), embedder};
    org.database().execute(
        "INSERT INTO memories (user_id, tenant_id, content) SELECT $1, $2, 'tea' FROM generate_series(1, 100)",
        pqxx::params{org.user(), org.tenant()});
    const auto claimed = [&] {
        return std::stoi(
            org.database().value("SELECT count(*) FROM memories WHERE embedding_claimed_until IS NOT NULL"));
    };
    const auto job = org.enqueue("embed-memories", {{"batchSize", 5}});
    org.start();
    eventually(
        std::chrono::seconds{60}, [&] { return embedder->calls == 1 && claimed() >= 10; },
        "one batch is asked about, one waits for it");
    const auto bob = org.add_user("bob", "member");
    for (int i = 0; i < 20; ++i) REQUIRE(org.finish(org.enqueue("embed-memories", {{"userId", bob}})) == "completed");
    CHECK(claimed() == 10);
    embedder->open = true;
    REQUIRE(org.finish(job) == "completed");
    CHECK(left(org) == "0");
    CHECK(embedder->sent_in_all() == 1);
    CHECK(org.result(job)["embedded"] == 1);
    CHECK(org.result(job)["cached"] == 99);
}

TEST_CASE("embed-memories: a provider that fails now and then burns no attempt of a job that gets on") {
    auto embedder = std::make_shared<PatientEmbedder>();
    embedder->busy = {3, 6, 9};
    Organisation org{silent(), embedder};
    add_memories(org, 12);
    const auto job = org.enqueue("embed-memories", {{"batchSize", 1}}, 2);
    REQUIRE(org.finish(job) == "completed");
    CHECK(left(org) == "0");
    CHECK(embedder->calls == 12 + 3);
    CHECK(org.column(job, "attempts") == "1");
}
