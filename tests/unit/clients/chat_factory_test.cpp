/// @file  Which client an endpoint gets, and where its calls go.

#include <catch2/catch_test_macros.hpp>
#include <stdexcept>

#include "clients/chat_factory.hpp"
#include "scripted_provider.hpp"

using namespace oiab::tests;

namespace {

struct Made {
    Answer ask(ChatEndpoint endpoint, std::string model = "m-1") {
        endpoint.provider.base_url = provider.server.url(endpoint.provider.base_url);
        endpoint.provider.api_key = "sk-very-secret";
        auto request = Provider::question("Hi");
        request.model = std::move(model);
        return run_coroutine(make_chat_model(provider.http, endpoint, provider.clock)->complete(request, {}));
    }
    ServedRequest seen() const { return provider.server.requests().back(); }
    json body() const { return json::parse(seen().body); }

    Provider provider{answering(200, kWhole)};
};

}  // namespace

TEST_CASE("factory: names are those of the providers table, others are told what there is") {
    for (const auto protocol : {ChatProtocol::kOpenAiCompatible, ChatProtocol::kOpenAi, ChatProtocol::kAzureOpenAi,
                                ChatProtocol::kAnthropic}) {
        CHECK(parse_chat_protocol(to_string(protocol)) == protocol);
    }
    const auto unknown = parse_chat_protocol("gopher");
    REQUIRE_FALSE(unknown);
    CHECK(unknown.error().ends_with("openai-compatible, openai, azure-openai, anthropic"));
}

TEST_CASE("factory: an endpoint that cannot work is told apart before any call") {
    HttpClient http;
    const oiab::core::SystemClock clock;
    CHECK(find_fault({.protocol = ChatProtocol::kOpenAiCompatible})->ends_with("needs a base URL"));
    CHECK(find_fault({.protocol = ChatProtocol::kAzureOpenAi})->ends_with("needs a base URL"));
    CHECK(find_fault({.protocol = ChatProtocol::kOpenAi})->ends_with("needs a key"));
    ChatEndpoint file;
    file.provider.base_url = "file:///etc/passwd";
    CHECK(find_fault(file)->ends_with("must begin with https:// or http://"));
    CHECK_THROWS_AS(make_chat_model(http, file, clock), std::invalid_argument);
    CHECK_THROWS_AS(make_embedder(http, {.protocol = ChatProtocol::kAnthropic}, "e", clock), std::invalid_argument);
}

TEST_CASE("factory: OpenAI itself is told max_completion_tokens, whatever the model") {
    Made made;
    ChatEndpoint endpoint{.protocol = ChatProtocol::kOpenAi, .max_output_tokens = 77};
    endpoint.provider.base_url = "/v1";
    REQUIRE(made.ask(endpoint));
    CHECK(made.seen().target == "/v1/chat/completions");
    CHECK(made.seen().header("authorization") == "Bearer sk-very-secret");
    CHECK(made.body()["max_completion_tokens"] == 77);
    CHECK_FALSE(made.body().contains("max_tokens"));
    CHECK(made.body()["stream_options"]["include_usage"] == true);
}

TEST_CASE("factory: a compatible server is told max_tokens, unless the model is known to refuse it") {
    Made made;
    ChatEndpoint endpoint{.max_output_tokens = 77};
    endpoint.provider.base_url = "/v1";
    REQUIRE(made.ask(endpoint, "llama-4"));
    CHECK(made.body()["max_tokens"] == 77);
    REQUIRE(made.ask(endpoint, "openai/gpt-5.2-mini"));
    CHECK(made.body()["max_completion_tokens"] == 77);
}

TEST_CASE("factory: a model behind another name that refuses max_tokens is asked once more in its word") {
    Made made;
    const auto refusal = answering(
        400, R"({"error":{"message":"Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead."}})");
    made.provider.server.next(refusal);
    ChatEndpoint endpoint{
        .protocol = ChatProtocol::kAzureOpenAi, .api_version = "2024-12-01-preview", .max_output_tokens = 77};
    REQUIRE(made.ask(endpoint, "prod"));
    CHECK(made.provider.body(0)["max_tokens"] == 77);
    CHECK(made.provider.body(1)["max_completion_tokens"] == 77);
    CHECK_FALSE(made.provider.body(1).contains("max_tokens"));
    made.provider.server.set_script(refusal);
    CHECK(made.ask(endpoint, "prod").error().kind == ModelErrorClass::kPermanent);
    CHECK(made.provider.server.requests().size() == 4);
}

TEST_CASE("factory: Azure's dated API has the deployment in its path and takes api-key") {
    Made made;
    ChatEndpoint endpoint{.protocol = ChatProtocol::kAzureOpenAi, .api_version = "2024-10-21"};
    for (const char* base : {"", "/", "/openai", "/openai/"}) {
        endpoint.provider.base_url = base;
        REQUIRE(made.ask(endpoint, "my model/1"));
        CHECK(made.seen().target == "/openai/deployments/my%20model%2F1/chat/completions?api-version=2024-10-21");
    }
    CHECK(made.seen().header("api-key") == "sk-very-secret");
    CHECK(made.seen().header("authorization").empty());
    endpoint.deployment = "prod";
    REQUIRE(made.ask(endpoint, "gpt-4o"));
    CHECK(made.seen().target == "/openai/deployments/prod/chat/completions?api-version=2024-10-21");
}

TEST_CASE("factory: Azure's newer API has no version, names the deployment as the model, and takes Entra tokens") {
    Made made;
    ChatEndpoint endpoint{.protocol = ChatProtocol::kAzureOpenAi, .deployment = "prod", .max_output_tokens = 5};
    endpoint.provider.auth = ProviderAuth::kBearer;
    for (const char* base : {"", "/", "/openai", "/openai/v1", "/openai/v1/"}) {
        endpoint.provider.base_url = base;
        REQUIRE(made.ask(endpoint, "gpt-4o"));
        CHECK(made.seen().target == "/openai/v1/chat/completions");
    }
    CHECK(made.body()["model"] == "prod");
    CHECK(made.body()["max_completion_tokens"] == 5);
    CHECK(made.seen().header("authorization") == "Bearer sk-very-secret");
    CHECK(made.seen().header("api-key").empty());
}

TEST_CASE("factory: embeddings take Azure's paths, too") {
    Made made;
    json item{{"index", 0}, {"embedding", std::vector<double>(1536, 0.5)}};
    made.provider.server.set_script(answering(200, json{{"data", json::array({item})}}.dump()));
    const auto embed = [&](ChatEndpoint endpoint) {
        endpoint.provider.base_url = made.provider.server.url(endpoint.provider.base_url);
        endpoint.provider.api_key = "sk-very-secret";
        std::vector<std::string> texts{"a"};
        return run_coroutine(make_embedder(made.provider.http, endpoint, "text-embedding-3-small", made.provider.clock)
                                 ->embed(std::move(texts), Deadline::after(120s)));
    };
    REQUIRE(embed({.protocol = ChatProtocol::kAzureOpenAi, .api_version = "2024-10-21"}));
    CHECK(made.seen().target == "/openai/deployments/text-embedding-3-small/embeddings?api-version=2024-10-21");
    CHECK(made.seen().header("api-key") == "sk-very-secret");
    REQUIRE(embed({.protocol = ChatProtocol::kAzureOpenAi}));
    CHECK(made.seen().target == "/openai/v1/embeddings");
    CHECK(made.body()["dimensions"] == 1536);
}
