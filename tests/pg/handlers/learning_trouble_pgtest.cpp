// Learning where models, providers, budgets and workers do not behave.
#include <atomic>
#include <catch2/generators/catch_generators.hpp>

#include "learning_fixture.hpp"

using namespace oiab;
using namespace oiab::tests;
using namespace std::chrono_literals;

namespace {

/// Fails as told before it works.
class FailingEmbedder final : public clients::Embedder {
public:
    FailingEmbedder(int failures, ModelErrorClass kind) : failures_{failures}, kind_{kind} {}
    boost::asio::awaitable<std::expected<clients::Embeddings, ModelError>> embed(std::vector<std::string> texts,
                                                                                 core::Deadline deadline) override {
        const bool is_reflection = texts.front().starts_with("What worked:");
        if (is_reflection) ++calls;
        if (is_reflection && calls <= failures_) {
            co_return std::unexpected{ModelError{kind_, "no room", std::chrono::milliseconds{1}, 0}};
        }
        co_return co_await honest_.embed(std::move(texts), deadline);
    }
    [[nodiscard]] std::string_view model() const noexcept override { return honest_.model(); }

    std::atomic<int> calls = 0;

private:
    int failures_;
    ModelErrorClass kind_;
    clients::OfflineEmbedder honest_;
};

void three_turns(School& school) {
    for (const char* text : {"Invoice 1.", "Invoice 2.", "Invoice 3."}) school.take_turn(text);
}

boost::asio::awaitable<void> wait_for_ever() {
    boost::asio::steady_timer forever{co_await boost::asio::this_coro::executor, 1h};
    co_await forever.async_wait(boost::asio::use_awaitable);
}

}  // namespace

TEST_CASE("learning: a used-up budget ends a reflection quietly, without a retry") {
    auto chat = scripted(learn_alike);
    School school{chat};
    auto& db = school.database();
    db.execute("INSERT INTO job_pauses (scope, name) VALUES ('kind', 'learning-reflect')");
    const auto turn = school.take_turn("Invoice 1.");
    db.execute("UPDATE roles SET permissions = jsonb_set(permissions, '{cost,monthly_limit_usd}', '0')");
    db.execute("DELETE FROM job_pauses");
    school.learn();
    CHECK(school.learning("learning-reflect", "status || ' ' || attempts", turn) == "completed 1");
    CHECK(school.learning("learning-reflect", "result ->> 'note'", turn).find("limit") != std::string::npos);
    CHECK(school.reflection_of(turn) == "NULL");
    CHECK(count_requests(*chat, is_review) == 0);
}

TEST_CASE("learning: a used-up budget ends a proposal quietly, and the cluster's next turn asks again") {
    auto chat = scripted(learn_alike);
    School school{chat};
    auto& db = school.database();
    db.execute("INSERT INTO job_pauses (scope, name) VALUES ('kind', 'learning-propose')");
    three_turns(school);
    eventually(
        60s, [&] { return db.value("SELECT count(*) FROM jobs WHERE kind = 'learning-propose'") == "1"; },
        "a proposal is asked for");
    db.execute("UPDATE roles SET permissions = jsonb_set(permissions, '{cost,monthly_limit_usd}', '0')");
    db.execute("DELETE FROM job_pauses");
    school.learn();
    CHECK(school.learning("learning-propose", "status") == "completed");
    CHECK(school.skills() == "0");
    db.execute("UPDATE roles SET permissions = permissions #- '{cost,monthly_limit_usd}'");
    school.take_turn("Invoice 4.");
    school.learn();
    CHECK(school.skills() == "1");
}

TEST_CASE("learning: a provider that fails is asked again, and one that refuses fails the reflection alone") {
    auto chat = scripted([failed = 0](const ChatRequest& request, int number) mutable {
        if (is_review(request) && failed++ == 0) return refuse(ModelErrorClass::kRetryable, "overloaded");
        if (is_review(request) && request.messages.back().content.find("Invoice 2.") != std::string::npos) {
            return refuse(ModelErrorClass::kPermanent, "no such model");
        }
        return learn_alike(request, number);
    });
    School school{chat};
    const auto first = school.take_turn("Invoice 1.");
    school.learn();
    CHECK(school.learning("learning-reflect", "status || ' ' || attempts", first) == "completed 2");
    CHECK(school.reflection_of(first) != "NULL");
    const auto second = school.take_turn("Invoice 2.");
    school.learn();
    CHECK(school.learning("learning-reflect", "status", second) == "failed");
    CHECK(school.column(second, "status") == "completed");
}

TEST_CASE("learning: an embedder that fails is asked again, the model is not") {
    auto chat = scripted(learn_alike);
    auto embedder = std::make_shared<FailingEmbedder>(1, ModelErrorClass::kRetryable);
    School school{chat, embedder};
    const auto turn = school.take_turn("Invoice 1.");
    school.learn();
    CHECK(school.learning("learning-reflect", "status || ' ' || attempts", turn) == "completed 2");
    CHECK(count_requests(*chat, is_review) == 1);
    CHECK(embedder->calls == 2);
    CHECK(school.database().value("SELECT embedding IS NOT NULL FROM trajectories") == "t");
}

TEST_CASE("learning: without an embedding a reflection is kept, and has no company") {
    auto chat = scripted(learn_alike);
    const bool with_embedder = GENERATE(true, false);
    School school{chat, with_embedder ? std::make_shared<FailingEmbedder>(99, ModelErrorClass::kPermanent) : nullptr};
    three_turns(school);
    school.learn();
    auto& db = school.database();
    CHECK(db.value("SELECT count(*) FROM trajectories WHERE reflection IS NOT NULL AND embedding IS NULL") == "3");
    CHECK(db.value("SELECT count(*) FROM jobs WHERE kind = 'learning-propose'") == "0");
    const auto job =
        school.enqueue("learning-propose", {{"trajectoryId", db.value("SELECT id FROM trajectories LIMIT 1")}});
    CHECK(school.finish(job) == "completed");
    CHECK(school.result(job)["note"] == "the turn's reflection has no embedding to compare");
}

TEST_CASE("learning: a bad skill is sent back once with the reasons, and then given up") {
    const bool mends = GENERATE(true, false);
    auto chat = scripted([mends](const ChatRequest& request, int number) {
        if (!is_skill(request)) return learn_alike(request, number);
        const bool told = request.messages.back().content.find("must begin with \"# Skill: \"") != std::string::npos;
        return say(mends && told ? skill_text() : R"({"name": "a", "description": "b", "body": "c"})");
    });
    School school{chat};
    three_turns(school);
    school.learn();
    CHECK(count_requests(*chat, is_skill) == 2);
    CHECK(school.skills() == (mends ? "1" : "0"));
    CHECK(school.learning("learning-propose", "status || ' ' || attempts") == (mends ? "completed 1" : "failed 1"));
    if (!mends) {
        CHECK(school.learning("learning-propose", "last_error").find("needs a section") != std::string::npos);
    }
}

TEST_CASE("learning: a worker that dies between the steps repeats nothing") {
    // The model never answers the skill's first question in the first process; all that came before is not done again.
    auto chat = std::make_shared<ScriptedChat>(
        [asked = 0](const ChatRequest& request, int number) mutable -> boost::asio::awaitable<ChatReply> {
            if (is_skill(request) && ++asked == 2) co_await wait_for_ever();
            if (is_skill(request) && asked == 1) co_return say("no skill at all");
            co_return learn_alike(request, number);
        });
    School school{chat};
    auto& db = school.database();
    three_turns(school);
    eventually(60s, [&] { return count_requests(*chat, is_skill) == 2; }, "the skill is being mended");
    school.stop();
    // What came meanwhile changes nothing for a proposal that has begun.
    db.execute(
        "INSERT INTO trajectories (tenant_id, user_id, session_id, tools, embedding_model, embedding, reflection, "
        "reflected_at) SELECT tenant_id, user_id, session_id, tools, embedding_model, embedding, 'late', now() FROM "
        "trajectories LIMIT 1");
    school.learn();
    CHECK(school.learning("learning-propose", "status") == "completed");
    CHECK(school.skills() == "1");
    CHECK(count_requests(*chat, is_skill) == 3);
    CHECK(count_requests(*chat, is_review) == 3);
    CHECK(db.value("SELECT cardinality(source_trajectories) FROM skills") == "3");
}

TEST_CASE("learning: a payload that names nothing fails with a sentence, and a second reflection is refused kindly") {
    auto chat = scripted(learn_alike);
    School school{chat};
    const auto turn = school.take_turn("Invoice 1.");
    school.learn();
    const auto ends_with = [&](const std::string& kind, const nlohmann::json& payload) {
        const auto job = school.enqueue(kind, payload);
        (void)school.finish(job);
        return school.column(job, "status || ': ' || coalesce(last_error, result ->> 'note')");
    };
    CHECK(ends_with("learning-reflect", {{"sessionId", "s1"}, {"jobId", turn}}) ==
          "completed: the turn has its reflection already");
    CHECK(ends_with("learning-reflect", {{"sessionId", "s2"}, {"jobId", turn}}) ==
          "failed: the turn belongs to another session");
    CHECK(ends_with("learning-reflect", {{"sessionId", "s1"}, {"jobId", school.tenant()}})
              .starts_with("failed: the job has left no trajectory"));
    CHECK(ends_with("learning-propose", {{"trajectoryId", school.tenant()}})
              .starts_with("failed: there is no trajectory"));
    CHECK(ends_with("learning-propose", {{"trajectoryId", "x"}}).find("trajectoryId") != std::string::npos);
    CHECK(count_requests(*chat, is_review) == 1);
}
