#include "clients/openai_embeddings.hpp"

#include <catch2/catch_test_macros.hpp>
#include <nlohmann/json.hpp>

#include "support/http_server.hpp"
#include "support/run_coroutine.hpp"

using namespace oiab::clients;
using namespace std::chrono_literals;
using nlohmann::json;
using oiab::core::Deadline;
using oiab::tests::HttpServer;
using oiab::tests::run_coroutine;
using oiab::tests::ServedConnection;
using oiab::tests::ServedRequest;

namespace {

struct Provider {
    explicit Provider(HttpServer::Script script) : server{std::move(script)} {
        settings.provider.base_url = server.url("/v1");
        settings.provider.api_key = "sk-x";
        settings.model = "text-embedding-3-small";
    }
    std::expected<Embeddings, ModelError> embed(std::vector<std::string> texts,
                                                Deadline deadline = Deadline::after(120s)) {
        OpenAiEmbedder embedder{http, settings, clock};
        return run_coroutine(embedder.embed(std::move(texts), deadline));
    }

    HttpServer server;
    HttpClient http{[] {
        HttpClientSettings direct;
        direct.proxy = "";
        return direct;
    }()};
    oiab::core::SystemClock clock;
    OpenAiEmbedderSettings settings;
};

/// Embeds each text as [its length, 1], listed backwards; refuses a batch that holds the text "poison".
void embed_lengths(ServedConnection& connection, const ServedRequest& request) {
    const json body = json::parse(request.body);
    json data = json::array();
    const auto& input = body["input"];
    for (std::size_t i = input.size(); i-- > 0;) {
        if (input[i] == "poison") {
            connection.respond_json(400, R"({"error":{"message":"input contains what we refuse"}})");
            return;
        }
        data.push_back({{"index", i}, {"embedding", {input[i].get<std::string>().size(), 1}}});
    }
    connection.respond_json(200, json{{"data", data}, {"usage", {{"total_tokens", 10}}}}.dump());
}

std::string vectors_and_usage(const std::string& usage) {
    return R"({"data":[{"embedding":[1]}],"usage":)" + usage + "}";
}

HttpServer::Script answering(int status, std::string body, ServedConnection::Headers headers = {}) {
    return [=](ServedConnection& connection, const ServedRequest&) { connection.respond_json(status, body, headers); };
}

}  // namespace

TEST_CASE("embeddings: vectors come in the order of the texts, padded with zeros") {
    Provider provider{embed_lengths};
    const auto done = provider.embed({"a", "bbb", "cc"});
    REQUIRE(done);
    REQUIRE(done->items.size() == 3);
    CHECK(done->items[0].vector[0] == 1.0F);
    CHECK(done->items[1].vector[0] == 3.0F);
    CHECK(done->items[2].vector[0] == 2.0F);
    for (const auto& item : done->items) {
        CHECK(item.vector.size() == kEmbeddingDimensions);
        CHECK(item.vector[1] == 1.0F);
        CHECK(item.vector[2] == 0.0F);
    }
    CHECK(done->tokens == 10);
    CHECK(done->model == "text-embedding-3-small");
}

TEST_CASE("embeddings: batches are bounded, and dimensions are asked for where configured") {
    Provider provider{embed_lengths};
    provider.settings.max_batch = 2;
    provider.settings.dimensions = DimensionsParameter::kSend;
    const auto done = provider.embed({"a", "b", "c", "d", "e"});
    REQUIRE(done);
    CHECK(done->tokens == 30);
    const auto seen = provider.server.requests();
    REQUIRE(seen.size() == 3);
    CHECK(seen[0].target == "/v1/embeddings");
    CHECK(seen[0].header("authorization") == "Bearer sk-x");
    CHECK(json::parse(seen[0].body)["dimensions"] == 1536);
    CHECK(json::parse(seen[0].body)["encoding_format"] == "base64");
    CHECK(json::parse(seen[2].body)["input"].size() == 1);
}

TEST_CASE("embeddings: no text costs no call") {
    Provider provider{embed_lengths};
    REQUIRE(provider.embed({}));
    const auto empty = provider.embed({""});
    REQUIRE(empty);
    CHECK(empty->items[0].refusal == "the text is empty");
    CHECK(provider.server.requests().empty());
}

TEST_CASE("embeddings: a refused text is found and reported, the rest of its batch goes on") {
    Provider provider{embed_lengths};
    for (std::size_t poisoned = 0; poisoned < 7; ++poisoned) {
        std::vector<std::string> texts{"a", "bb", "ccc", "dddd", "eeeee", "ffffff", "ggggggg"};
        texts[poisoned] = "poison";
        const auto done = provider.embed(texts);
        REQUIRE(done);
        for (std::size_t i = 0; i < texts.size(); ++i) {
            CHECK(done->items[i].refused() == (i == poisoned));
            if (i != poisoned) CHECK(done->items[i].vector[0] == static_cast<float>(i + 1));
        }
        CHECK(done->items[poisoned].refusal == "the provider answered 400: input contains what we refuse");
    }
}

TEST_CASE("embeddings: a lone refused text is told from a provider that refuses everything") {
    Provider provider{embed_lengths};
    const auto lone = provider.embed({"poison"});
    REQUIRE(lone);
    CHECK(lone->items[0].refused());

    provider.server.set_script(answering(400, R"({"error":{"message":"unknown parameter: dimensions"}})"));
    const auto before = provider.server.requests().size();
    const auto all = provider.embed({"a", "b", "c", "d"});
    REQUIRE_FALSE(all);
    CHECK(all.error().kind == ModelErrorClass::kPermanent);
    CHECK(all.error().message == "the provider answered 400: unknown parameter: dimensions");
    CHECK(provider.server.requests().size() == before + 3);  // the batch, and something harmless in either form
}

TEST_CASE("embeddings: a text longer than the model's window is refused alone") {
    Provider provider{[](ServedConnection& connection, const ServedRequest& request) {
        if (request.body.find("looong") == std::string::npos) return embed_lengths(connection, request);
        connection.respond_json(400, R"({"error":{"message":"maximum context length is 8192 tokens"}})");
    }};
    const auto done = provider.embed({"a", "looong", "b"});
    REQUIRE(done);
    CHECK(done->items[1].refused());
    CHECK_FALSE(done->items[2].refused());
}

TEST_CASE("embeddings: a vector that is too long is an error that names the model") {
    Provider provider{
        answering(200, json{{"data", {{{"index", 0}, {"embedding", std::vector<int>(3072, 1)}}}}}.dump())};
    const auto done = provider.embed({"a"});
    REQUIRE_FALSE(done);
    CHECK(done.error().kind == ModelErrorClass::kPermanent);
    CHECK(done.error().message ==
          "the embedding model text-embedding-3-small gives vectors of 3072 dimensions, but 1536 are the most that can "
          "be stored");
}

TEST_CASE("embeddings: overload is retryable with its Retry-After, a wrong key is permanent") {
    Provider provider{answering(429, "{}", {{"Retry-After", "3"}})};
    auto done = provider.embed({"a", "b"});
    REQUIRE_FALSE(done);
    CHECK(done.error().kind == ModelErrorClass::kRetryable);
    CHECK(done.error().retry_after == 3s);
    provider.server.set_script(answering(401, R"({"error":{"message":"wrong key"}})"));
    done = provider.embed({"a", "b"});
    REQUIRE_FALSE(done);
    CHECK(done.error().kind == ModelErrorClass::kPermanent);
    CHECK(provider.server.requests().size() == 2);
}

TEST_CASE("embeddings: garbage is a clear, retryable error") {
    for (const char* body : {"", "[]", "{}", R"({"data":[]})", R"({"data":[{"embedding":[]}]})", R"({"data":[7]})",
                             R"({"data":[{"embedding":[null]}]})", R"({"data":[{"index":4,"embedding":[1]}]})"}) {
        Provider provider{answering(200, body)};
        const auto done = provider.embed({"a"});
        REQUIRE_FALSE(done);
        CHECK(done.error().kind == ModelErrorClass::kRetryable);
        CHECK(done.error().message.starts_with("the provider's answer is garbled: "));
    }
}

TEST_CASE("embeddings: a vector of zeros is no vector") {
    Provider provider{answering(200, R"({"data":[{"embedding":[0,0]}]})")};
    const auto done = provider.embed({"a"});
    REQUIRE(done);
    CHECK(done->items[0].refused());
}

TEST_CASE("embeddings: numbers of tokens that cannot be are bounded") {
    for (const auto& [usage, tokens] : std::initializer_list<std::pair<std::string, std::int64_t>>{
             {R"({"total_tokens":-7})", 0},
             {R"({"total_tokens":1e300})", kMaxCallTokens},
             {R"({"total_tokens":18446744073709551615})", kMaxCallTokens},
             {R"({"prompt_tokens":4})", 4},
             {"[]", 0}}) {
        Provider provider{answering(200, vectors_and_usage(usage))};
        CHECK(provider.embed({"a"}).value().tokens == tokens);
    }
}

TEST_CASE("embeddings: the status of a refusal counts although its body breaks off") {
    Provider provider{[](ServedConnection& connection, const ServedRequest&) {
        connection.raw("HTTP/1.1 401 No\r\nContent-Length: 999\r\n\r\n{\"error\"");
        connection.close_after();
    }};
    CHECK(provider.embed({"a"}).error().kind == ModelErrorClass::kPermanent);
}

TEST_CASE("embeddings: what was embedded before a failure is not free") {
    const auto until_second = [](ServedConnection& connection, const ServedRequest& request) {
        if (request.body.find("second") == std::string::npos) embed_lengths(connection, request);
        else connection.respond_json(503, "{}");
    };
    Provider provider{until_second};
    provider.settings.max_batch = 1;
    const auto paid = provider.embed({"first", "second"});
    REQUIRE_FALSE(paid);
    CHECK(paid.error().may_be_billed);
    const auto free = provider.embed({"second", "first"});
    REQUIRE_FALSE(free);
    CHECK_FALSE(free.error().may_be_billed);
}

TEST_CASE("embeddings: a server that does not know base64 is asked for numbers from then on") {
    const auto numbers_only = [](ServedConnection& connection, const ServedRequest& request) {
        if (json::parse(request.body)["encoding_format"] == "float") embed_lengths(connection, request);
        else connection.respond_json(422, R"({"error":{"message":"encoding_format: expected float"}})");
    };
    Provider provider{numbers_only};
    provider.settings.refused_base64 = std::make_shared<RefusedBase64>();
    const auto done = provider.embed({"a", "poison", "ccc"});
    REQUIRE(done);
    CHECK(done->items[0].vector[0] == 1.0F);
    CHECK(done->items[1].refused());
    CHECK(done->items[2].vector[0] == 3.0F);
    // Another embedder of the same server knows it, one of another model's address does not need to.
    const auto before = provider.server.requests().size();
    REQUIRE(provider.embed({"a"}));
    CHECK(provider.server.requests().size() == before + 1);
}

TEST_CASE("embeddings: a server that ignores the form asked for is understood") {
    Provider provider{answering(200, R"({"data":[{"embedding":"AACAPwAAIMA="}]})")};
    CHECK(provider.embed({"a"}).value().items[0].vector[1] == -2.5F);
    provider.server.set_script(answering(200, R"({"data":[{"embedding":[1,-2.5]}]})"));
    CHECK(provider.embed({"a"}).value().items[0].vector[1] == -2.5F);
}
