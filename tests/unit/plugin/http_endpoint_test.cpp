#include "plugin/http_endpoint.hpp"

#include <catch2/catch_test_macros.hpp>

#include "clients/http_client.hpp"
#include "core/clock.hpp"
#include "fake_attempt.hpp"
#include "support/greeter.hpp"
#include "support/http_server.hpp"
#include "support/temporary_directory.hpp"

using namespace oiab;
using namespace oiab::plugin;
using namespace oiab::tests;
using namespace std::chrono_literals;
using nlohmann::json;

namespace {

clients::HttpClientSettings direct() {
    clients::HttpClientSettings settings;
    settings.proxy = "";
    return settings;
}

struct Endpoint {
    explicit Endpoint(HttpServer::Script script) : server{std::move(script)} { settings.url = server.url("/jobs"); }

    std::string run() {
        const auto handler = make_http_endpoint_handler(http, clock, settings);
        return told(run_attempt(*handler, attempt));
    }

    HttpServer server;
    core::SystemClock clock;
    clients::HttpClient http{direct()};
    HttpEndpointSettings settings;
    FakeAttempt attempt{R"({"k":"v"})"};
};

HttpServer::Script answering(int status, std::string body, ServedConnection::Headers headers = {}) {
    return [=](ServedConnection& connection, const ServedRequest&) { connection.respond_json(status, body, headers); };
}

}  // namespace

TEST_CASE("endpoint: the job goes out as JSON, with its key and a trace") {
    Endpoint endpoint{answering(200, "")};
    endpoint.settings.headers = {{"Authorization", "Bearer s3cret"}};
    CHECK(endpoint.run() == "completed");
    const auto seen = endpoint.server.requests().at(0);
    const json body = json::parse(seen.body);
    CHECK(seen.method == "POST");
    CHECK(seen.target == "/jobs");
    CHECK(body["id"] == endpoint.attempt.job_.id.to_string());
    CHECK(body["kind"] == "test-kind");
    CHECK(body["payload"] == json{{"k", "v"}});
    CHECK(seen.header("content-type") == "application/json");
    CHECK(seen.header("authorization") == "Bearer s3cret");
    CHECK(seen.header("idempotency-key") == endpoint.attempt.job_.id.to_string());
    CHECK(seen.header("traceparent") == "00-0192f0c17d3a7000800000000000abcd-0000000000000008-01");
}

TEST_CASE("endpoint: 200 is completed, or what the body names") {
    for (const auto& [body, outcome] : std::initializer_list<std::pair<std::string, std::string>>{
             {"", "completed"},
             {R"({"answer": 42})", R"(completed {"answer":42})"},
             {R"({"outcome":"completed","result":[1]})", "completed [1]"},
             {R"({"outcome":"completed"})", "completed"},
             {R"({"outcome":"retry","error":"later","afterSeconds":2})", "retry after 2000 ms: later"},
             {R"({"outcome":"retry"})", "retry: the handler gave no reason"},
             {R"({"outcome":"failed","error":"never"})", "failed(error): never"},
             {R"({"outcome":"failed","error":"what?","reason":"invalid_payload"})", "failed(invalid_payload): what?"},
             {R"({"outcome":"snoozed","afterSeconds":0.25})", "snoozed 250 ms"}}) {
        Endpoint endpoint{answering(200, body)};
        CHECK(endpoint.run() == outcome);
    }
}

TEST_CASE("endpoint: 408, 429 and 5xx are retries, every other 4xx fails") {
    for (const int status : {408, 429, 500, 502, 503, 504}) {
        Endpoint endpoint{answering(status, R"({"error":"busy"})", {{"Retry-After", "9"}})};
        CHECK(endpoint.run() == "retry not before 9000 ms: the endpoint answered " + std::to_string(status) + ": busy");
    }
    for (const int status : {300, 302, 400, 401, 403, 404, 409, 422}) {
        Endpoint endpoint{answering(status, "no\nway")};
        CHECK(endpoint.run() == "failed(error): the endpoint answered " + std::to_string(status) + ": no way");
    }
}

TEST_CASE("endpoint: one that lies about its outcome gets a retry") {
    for (const char* body :
         {"not json", "{", R"({"outcome":"triumph"})", R"({"outcome":7})", R"({"outcome":"retry","afterSeconds":-1})",
          R"({"outcome":"retry","afterSeconds":1e99})", R"({"outcome":"failed","error":[]})"}) {
        Endpoint endpoint{answering(200, body)};
        CHECK(endpoint.run().starts_with("retry: the endpoint answered "));
    }
    const std::string deep = std::string(200'000, '[') + std::string(200'000, ']');
    CHECK(Endpoint{answering(200, deep)}.run() == "retry: the endpoint answered 200 with a body that is not JSON");
    CHECK(Endpoint{answering(400, deep)}.run().starts_with("failed(error): the endpoint answered 400: [["));
}

TEST_CASE("endpoint: half an answer, a reset, garbage and a flood are retries") {
    Endpoint endpoint{[](ServedConnection& connection, const ServedRequest&) {
        connection.raw("HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{\"outcome\"");
        connection.close_after();
    }};
    endpoint.settings.max_output = 100'000;
    CHECK(endpoint.run().starts_with("retry: POST to "));
    endpoint.server.set_script([](ServedConnection& connection, const ServedRequest&) { connection.reset(); });
    CHECK(endpoint.run().starts_with("retry: POST to "));
    endpoint.server.set_script([](ServedConnection& connection, const ServedRequest&) {
        connection.raw("nonsense\r\n\r\n");
        connection.close_after();
    });
    CHECK(endpoint.run().starts_with("retry: POST to "));
    endpoint.server.set_script([](ServedConnection& connection, const ServedRequest&) {
        connection.begin_chunked(200, {});
        const std::string piece(1U << 16U, ' ');
        for (int i = 0; i < 10'000; ++i) connection.chunk(piece);
    });
    CHECK(endpoint.run() == "retry: POST to " + endpoint.server.url() + ": the answer passes 100000 bytes");
}

TEST_CASE("endpoint: nobody there is a retry, an address that is none fails") {
    Endpoint endpoint{answering(200, "")};
    endpoint.settings.url = "http://127.0.0.1:1/";
    CHECK(endpoint.run().starts_with("retry: "));
    endpoint.settings.url = "gopher://127.0.0.1/";
    CHECK(endpoint.run().starts_with("failed(error): "));
}

TEST_CASE("endpoint: the connection is held until the deadline and no longer") {
    Endpoint endpoint{
        [](ServedConnection& connection, const ServedRequest&) { static_cast<void>(connection.wait_for_close()); }};
    endpoint.attempt.deadline_ = core::Deadline::after(150ms);
    CHECK(endpoint.run().starts_with("retry: "));
}

TEST_CASE("endpoint: cancelling closes the connection, and other jobs go on beside it") {
    SyncPoint arrived;
    SyncPoint closed;
    Endpoint endpoint{[&](ServedConnection& connection, const ServedRequest& request) {
        if (request.body.find("hanging") == std::string::npos) return connection.respond(200, "");
        arrived.signal();
        if (connection.wait_for_close()) closed.signal();
    }};
    const auto handler = make_http_endpoint_handler(endpoint.http, endpoint.clock, endpoint.settings);
    Stage stage;
    FakeAttempt hanging{R"({"hanging":true})"};
    const auto stuck = stage.start(*handler, hanging);
    const auto beside = stage.start(*handler, endpoint.attempt);
    std::jthread canceller{[&] {
        if (arrived.wait()) Stage::cancel(stuck, core::CancelReason::kUser);
    }};
    stage.run();
    CHECK(told(*beside->outcome) == "completed");
    CHECK(stuck->outcome.has_value());
    CHECK(closed.wait());
}

TEST_CASE("endpoint: the example greets, refuses and snoozes, on TCP and on a unix socket") {
    const TemporaryDirectory directory;
    const std::string path = directory.path() + "/greeter.sock";
    const Greeter on_tcp{"127.0.0.1:0"};
    const Greeter on_socket{path};
    core::SystemClock clock;
    clients::HttpClient http{direct()};
    HttpEndpointSettings tcp;
    tcp.url = "http://" + on_tcp.address() + "/";
    HttpEndpointSettings socket;
    socket.url = "http://localhost/";
    socket.unix_socket = path;
    for (const auto& settings : {tcp, socket}) {
        const auto handler = make_http_endpoint_handler(http, clock, settings);
        FakeAttempt nameless{"{}"};
        CHECK(told(run_attempt(*handler, nameless)) ==
              "failed(error): the endpoint answered 422: the payload has no \"name\"");
        FakeAttempt early{R"({"name":"Ada","notBefore":99999999999})"};
        CHECK(told(run_attempt(*handler, early)).starts_with("retry: the endpoint answered with a malformed outcome"));
        FakeAttempt ada{R"({"name":"Ada"})"};
        CHECK(told(run_attempt(*handler, ada)) == R"(completed {"greeting":"Good day, Ada."})");
        CHECK(told(run_attempt(*handler, ada)) == R"(completed {"greeting":"Good day, Ada."})");
    }
}
