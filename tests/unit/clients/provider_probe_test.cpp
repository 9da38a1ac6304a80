#include "clients/provider_probe.hpp"

#include <catch2/catch_test_macros.hpp>

#include "scripted_provider.hpp"

using namespace oiab::tests;

namespace {

struct Probed {
    explicit Probed(HttpServer::Script script) : server{std::move(script)} {}

    std::expected<ProbeAnswer, ModelError> probe(ChatProtocol protocol, std::string path = "/v1",
                                                 std::string model = {}, ProbeWay way = ProbeWay::kByList,
                                                 std::string api_version = {}) {
        ChatEndpoint endpoint;
        endpoint.protocol = protocol;
        endpoint.provider.base_url = server.url(path);
        endpoint.provider.api_key = "sk-very-secret";
        endpoint.api_version = std::move(api_version);
        return run_coroutine(
            probe_provider(http, std::move(endpoint), std::move(model), way, clock, Deadline::after(60s)));
    }

    HttpServer server;
    HttpClient http{[] {
        HttpClientSettings direct;
        direct.proxy = "";
        return direct;
    }()};
    oiab::core::SystemClock clock;
};

constexpr const char* kWord =
    R"({"model": "m", "choices": [{"index": 0, "message": {"role": "assistant", "content": "ok"}, "finish_reason": "stop"}]})";

}  // namespace

TEST_CASE("provider probe: lists the models with the key, as each kind of provider wants it") {
    Probed provider{answering(200, R"({"object": "list", "data": [{"id": "m-1"}, {"id": "m-2"}, {"no": 1}, 7]})")};
    const auto answer = provider.probe(ChatProtocol::kOpenAiCompatible);
    REQUIRE(answer.has_value());
    CHECK(answer->models == std::vector<std::string>{"m-1", "m-2"});
    CHECK(answer->latency.count() >= 0);
    REQUIRE(provider.probe(ChatProtocol::kAnthropic).has_value());
    REQUIRE(provider.probe(ChatProtocol::kAzureOpenAi, "").has_value());
    REQUIRE(provider.probe(ChatProtocol::kAzureOpenAi, "", {}, ProbeWay::kByList, "2024-10-21").has_value());
    const auto requests = provider.server.requests();
    REQUIRE(requests.size() == 4);
    for (const auto& request : requests) {
        CHECK(request.method == "GET");
        CHECK(request.body.empty());
    }
    CHECK(requests[0].target == "/v1/models");
    CHECK(requests[0].header("authorization") == "Bearer sk-very-secret");
    CHECK(requests[1].target == "/v1/models?limit=1000");
    CHECK(requests[1].header("x-api-key") == "sk-very-secret");
    CHECK_FALSE(requests[1].header("anthropic-version").empty());
    CHECK(requests[2].target == "/openai/v1/models");
    CHECK(requests[2].header("api-key") == "sk-very-secret");
    CHECK(requests[3].target == "/openai/models?api-version=2024-10-21");
}

TEST_CASE("provider probe: a refusal is one, and is told without the key") {
    Probed provider{answering(401, R"({"error": {"message": "Incorrect API key provided: sk-very-secret"}})")};
    const auto answer = provider.probe(ChatProtocol::kOpenAi);
    REQUIRE_FALSE(answer.has_value());
    CHECK(answer.error().kind == ModelErrorClass::kPermanent);
    CHECK(answer.error().status == 401);
    CHECK(answer.error().message.find("sk-very-secret") == std::string::npos);
}

TEST_CASE("provider probe: where there is no list, the model is asked for a word") {
    Probed provider{[](ServedConnection& connection, const ServedRequest& request) {
        if (request.method == "GET") connection.respond_json(404, R"({"error": "no such path"})");
        else connection.respond_json(200, kWord);
    }};
    const auto answer = provider.probe(ChatProtocol::kOpenAiCompatible, "/v1", "m");
    REQUIRE(answer.has_value());
    CHECK(answer->models.empty());
    CHECK(provider.server.requests().back().target == "/v1/chat/completions");
    CHECK_FALSE(provider.probe(ChatProtocol::kOpenAiCompatible).has_value());
    REQUIRE(provider.probe(ChatProtocol::kOpenAiCompatible, "/v1", "m", ProbeWay::kByWord).has_value());
    CHECK(provider.server.requests().back().method == "POST");
}

TEST_CASE("provider probe: an overload, a portal's page and a closed door are not refusals") {
    Probed busy{answering(503, "{}")};
    CHECK(busy.probe(ChatProtocol::kOpenAiCompatible).error().kind == ModelErrorClass::kRetryable);
    Probed portal{[](ServedConnection& connection, const ServedRequest&) {
        connection.respond(200, "<html>Please log in</html>", {{"Content-Type", "text/html"}});
    }};
    CHECK(portal.probe(ChatProtocol::kOpenAiCompatible).error().kind == ModelErrorClass::kRetryable);
    ChatEndpoint nowhere;
    nowhere.provider.base_url = "http://127.0.0.1:1/v1";
    const auto answer =
        run_coroutine(probe_provider(busy.http, nowhere, "", ProbeWay::kByList, busy.clock, Deadline::after(60s)));
    CHECK(answer.error().kind == ModelErrorClass::kRetryable);
    CHECK(answer.error().status == 0);
}
