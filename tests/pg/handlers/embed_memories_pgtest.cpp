#include "agent_fixture.hpp"

using namespace oiab;
using namespace oiab::tests;

namespace {

/// Makes vectors out of nothing and counts; refuses what the test names, fails while it is told to.
class ScriptedEmbedder final : public clients::Embedder {
public:
    explicit ScriptedEmbedder(std::string model = "scripted-embedding") : model_{std::move(model)} {}

    boost::asio::awaitable<std::expected<clients::Embeddings, ModelError>> embed(std::vector<std::string> texts,
                                                                                 core::Deadline) override {
        const std::scoped_lock lock{mutex_};
        ++calls;
        if (meanwhile) std::exchange(meanwhile, nullptr)();
        largest_call = std::max(largest_call, texts.size());
        if (failures > 0) {
            --failures;
            co_return std::unexpected{failure};
        }
        clients::Embeddings answer;
        answer.model = model_;
        for (const auto& text : texts) {
            seen.push_back(text);
            clients::Embedded item;
            if (text == refused) {
                item.refusal = "not this one";
            } else {
                item.vector.assign(clients::kEmbeddingDimensions, 0.0F);
                item.vector[text.size() % 100] = 1.0F;
                answer.tokens += 3;
            }
            answer.items.push_back(std::move(item));
        }
        co_return answer;
    }
    [[nodiscard]] std::string_view model() const noexcept override { return model_; }

    std::string refused;
    std::function<void()> meanwhile;  ///< done once, while a call is under way
    int failures = 0;
    ModelError failure{ModelErrorClass::kRetryable, "429", std::chrono::milliseconds{1}, 429};
    // Read by the test when the job is final.
    int calls = 0;
    std::size_t largest_call = 0;
    std::vector<std::string> seen;

private:
    std::string model_;
    std::mutex mutex_;
};

auto silent_chat() {
    return scripted([](const ChatRequest&, int) { return say(""); });
}

std::string without_embedding(Organisation& org) {
    return org.database().value("SELECT count(*) FROM memories WHERE embedding IS NULL");
}

}  // namespace

TEST_CASE("embed-memories: a backfill goes in batches, pays for equal texts once, and reports") {
    auto embedder = std::make_shared<ScriptedEmbedder>();
    Organisation org{silent_chat(), embedder};
    for (int i = 0; i < 7; ++i) org.add_memory("memory number " + std::string(static_cast<std::size_t>(i) + 1, 'x'));
    org.add_memory("memory number x");
    const auto job = org.enqueue("embed-memories", {{"batchSize", 3}});
    REQUIRE(org.finish(job) == "completed");
    CHECK(without_embedding(org) == "0");
    const auto result = org.result(job);
    CHECK(result["embedded"] == 7);
    CHECK(result["cached"] == 1);
    CHECK(result["skipped"] == 0);
    CHECK(result["tokens"] == 21);
    CHECK(result["successor"] == false);
    CHECK(embedder->seen.size() == 7);
    CHECK(embedder->largest_call <= 3);
    CHECK(org.database().value("SELECT sum(input_tokens) FROM usage_events WHERE purpose = 'embedding'") == "21");
    CHECK(org.database().value("SELECT DISTINCT embedding_model FROM memories") == "scripted-embedding");

    org.add_memory("memory number xx");
    const auto again = org.enqueue("embed-memories", nlohmann::json::object());
    REQUIRE(org.finish(again) == "completed");
    CHECK(org.result(again)["cached"] == 1);
    CHECK(embedder->seen.size() == 7);
}

TEST_CASE("embed-memories: a text that the provider refuses is marked, the rest of its batch goes on") {
    auto embedder = std::make_shared<ScriptedEmbedder>();
    embedder->refused = "bad";
    Organisation org{silent_chat(), embedder};
    for (const auto* text : {"good", "bad", "better"}) org.add_memory(text);
    const auto job = org.enqueue("embed-memories", nlohmann::json::object());
    REQUIRE(org.finish(job) == "completed");
    CHECK(org.result(job)["embedded"] == 2);
    CHECK(org.result(job)["skipped"] == 1);
    CHECK(org.result(job)["successor"] == false);
    CHECK(org.database().value("SELECT content || ': ' || embedding_skipped FROM memories WHERE embedding IS NULL") ==
          "bad: not this one");
}

TEST_CASE("embed-memories: beyond its limit it enqueues a successor until nothing is left") {
    Organisation org{silent_chat(), std::make_shared<ScriptedEmbedder>()};
    for (int i = 0; i < 5; ++i) org.add_memory(std::string(static_cast<std::size_t>(i) + 1, 'y'));
    REQUIRE(org.finish(org.enqueue("embed-memories", {{"limit", 2}})) == "completed");
    eventually(
        std::chrono::seconds{30}, [&] { return without_embedding(org) == "0"; }, "the successors finish the rest");
    eventually(
        std::chrono::seconds{30},
        [&] { return org.database().value("SELECT count(*) FROM jobs WHERE finished_at IS NULL") == "0"; },
        "no successor is left");
    CHECK(org.database().value("SELECT count(*) FROM jobs WHERE status = 'completed'") == "3");
}

TEST_CASE("embed-memories: a memory that is edited while it is embedded is embedded by its new text") {
    auto embedder = std::make_shared<ScriptedEmbedder>();
    Organisation org{silent_chat(), embedder};
    org.add_memory("tea");
    pg::Session editor{org.database().settings("editor")};
    embedder->meanwhile = [&] {
        pg::in_transaction(editor,
                           [](pg::Transaction& tx) { (void)tx.raw().exec("UPDATE memories SET content = 'coffee'"); });
    };
    const auto job = org.enqueue("embed-memories", nlohmann::json::object());
    REQUIRE(org.finish(job) == "completed");
    eventually(std::chrono::seconds{30}, [&] { return without_embedding(org) == "0"; }, "the new text is embedded");
    CHECK(embedder->seen.back() == "coffee");
    CHECK(org.database().value("SELECT count(*) FROM memories WHERE embedding_model IS NULL") == "0");
}

TEST_CASE("embed-memories: an overloaded provider is tried again, and the job takes up its own claims") {
    auto embedder = std::make_shared<ScriptedEmbedder>();
    embedder->failures = 1;
    Organisation org{silent_chat(), embedder};
    org.add_memory("one");
    const auto job = org.enqueue("embed-memories", nlohmann::json::object());
    REQUIRE(org.finish(job) == "completed");
    CHECK(org.column(job, "attempts") == "2");
    CHECK(without_embedding(org) == "0");
}

TEST_CASE("embed-memories: a refusal of the call fails the job and leaves the memories to others") {
    auto embedder = std::make_shared<ScriptedEmbedder>();
    embedder->failures = 1;
    embedder->failure = {ModelErrorClass::kPermanent, "invalid key", std::nullopt, 401};
    Organisation org{silent_chat(), embedder};
    org.add_memory("one");
    const auto job = org.enqueue("embed-memories", nlohmann::json::object());
    REQUIRE(org.finish(job) == "failed");
    CHECK(org.column(job, "last_error") == "the embedding model refused: invalid key");
    CHECK(org.database().value("SELECT count(*) FROM memories WHERE embedding_claimed_until IS NOT NULL") == "0");
}

TEST_CASE("embed-memories: a change of model makes a backfill") {
    Organisation org{silent_chat(), std::make_shared<ScriptedEmbedder>("new-model")};
    org.add_memory("one");
    org.database().execute("UPDATE memories SET embedding_model = 'old-model'");
    const auto job = org.enqueue("embed-memories", nlohmann::json::object());
    REQUIRE(org.finish(job) == "completed");
    CHECK(org.result(job)["embedded"] == 1);
    CHECK(org.database().value("SELECT embedding_model FROM memories") == "new-model");
}

TEST_CASE("embed-memories: only the tenant or user that is named") {
    Organisation org{silent_chat(), std::make_shared<ScriptedEmbedder>()};
    org.add_memory("mine");
    const auto other = org.add_user("bob", "member");
    org.database().execute("INSERT INTO memories (user_id, tenant_id, content) VALUES ($1, $2, 'his')",
                           pqxx::params{other, org.tenant()});
    REQUIRE(org.finish(org.enqueue("embed-memories", {{"userId", other}})) == "completed");
    CHECK(org.database().value("SELECT content FROM memories WHERE embedding IS NULL") == "mine");
    const auto wrong = org.enqueue("embed-memories", {{"tenantId", "contoso"}});
    REQUIRE(org.finish(wrong) == "failed");
    CHECK(org.column(wrong, "last_error") == "payload field \"tenantId\" must be a UUID");
}

TEST_CASE("embed-memories: a tenant's job is about that tenant's memories, and a user's about the user's") {
    Organisation org{silent_chat(), std::make_shared<ScriptedEmbedder>()};
    auto& db = org.database();
    const auto fabrikam = db.value("INSERT INTO tenants (name, slug) VALUES ('Fabrikam', 'fabrikam') RETURNING id");
    const auto eve =
        db.value("INSERT INTO users (handle, tenant_id) VALUES ('eve', $1) RETURNING id", pqxx::params{fabrikam});
    db.execute("INSERT INTO memories (user_id, tenant_id, content) VALUES ($1, $2, 'theirs')",
               pqxx::params{eve, fabrikam});
    org.add_memory("mine");
    const auto bob = org.add_user("bob", "member");
    db.execute("INSERT INTO memories (user_id, tenant_id, content) VALUES ($1, $2, 'his')",
               pqxx::params{bob, org.tenant()});
    const auto run = [&](const nlohmann::json& payload, const char* column, const std::string& owner) {
        const auto job = db.value("INSERT INTO jobs (kind, payload, " + std::string{column} +
                                      ") VALUES ('embed-memories', $1, $2) RETURNING id",
                                  pqxx::params{payload.dump(), owner});
        static_cast<void>(org.finish(job));
        return org.column(job, "coalesce(last_error, status)");
    };
    const auto left = [&] {
        return db.value("SELECT string_agg(content, ' ' ORDER BY content) FROM memories WHERE embedding IS NULL");
    };
    CHECK(run(nlohmann::json::object(), "user_id", bob) == "completed");
    CHECK(left() == "mine theirs");
    CHECK(run({{"tenantId", fabrikam}}, "tenant_id", org.tenant()) ==
          "payload field \"tenantId\" is not the job's own tenant");
    CHECK(run({{"userId", eve}}, "tenant_id", org.tenant()) == "completed");
    CHECK(left() == "mine theirs");
    CHECK(run(nlohmann::json::object(), "tenant_id", org.tenant()) == "completed");
    CHECK(left() == "theirs");
}

TEST_CASE("embed-memories: without an embedding model it says so") {
    Organisation org{silent_chat(), nullptr};
    const auto job = org.enqueue("embed-memories", nlohmann::json::object());
    REQUIRE(org.finish(job) == "failed");
    CHECK(org.column(job, "last_error") == "no embedding model is configured (embedding_model)");
}
