#include "agent/trajectory.hpp"

#include <catch2/catch_test_macros.hpp>
#include <nlohmann/json.hpp>

#include "agent/model_choice.hpp"

using namespace oiab::agent;
using nlohmann::json;

TEST_CASE("trajectory: hashes are SHA-256 in lower-case hexadecimal") {
    CHECK(sha256_hex("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST_CASE("trajectory: equal inputs hash alike whatever their order of keys, different ones do not") {
    const auto a = make_tool_use("t", json::parse(R"({"a": 1, "b": [2]})"), "out");
    const auto b = make_tool_use("t", json::parse(R"({"b":[2],"a":1})"), "out");
    const auto c = make_tool_use("t", json::parse(R"({"b":[3],"a":1})"), "out");
    CHECK(a.input_hash == b.input_hash);
    CHECK(a.input_hash != c.input_hash);
    CHECK(trajectory_hash(std::vector{a, c}) == trajectory_hash(std::vector{b, c}));
    CHECK(trajectory_hash(std::vector{a, c}) != trajectory_hash(std::vector{c, a}));
}

TEST_CASE("trajectory: the stored form has tool, input_hash and output_hash") {
    const json list = to_json(std::vector{make_tool_use("memory_add", json::object(), "ok")});
    REQUIRE(list.size() == 1);
    CHECK(list[0]["tool"] == "memory_add");
    CHECK(list[0]["input_hash"] == sha256_hex("{}"));
    CHECK(list[0]["output_hash"] == sha256_hex("ok"));
}

TEST_CASE(
    "model choice: the template goes before the session, the user's provider before the tenant's, then configuration") {
    ModelSources sources;
    sources.configured = {"", "configured"};
    CHECK(choose_model(sources).model == "configured");
    sources.tenant_provider = {"t", "tenant"};
    CHECK(choose_model(sources).model == "tenant");
    sources.user_provider = {"u", "user"};
    CHECK(choose_model(sources).model == "user");
    sources.session_choice = {"s", "session"};
    CHECK(choose_model(sources).model == "session");
    sources.template_override = {"x", "template"};
    CHECK(choose_model(sources).model == "template");
    sources.template_override = ModelChoice{"x", ""};
    CHECK(choose_model(sources).model == "session");
}

TEST_CASE("model choice: both spellings are read, and what names no model is none") {
    const auto choice = parse_model_choice(R"({"providerID": "anthropic", "modelID": "claude"})");
    REQUIRE(choice.has_value());
    CHECK(choice->provider == "anthropic");
    CHECK(choice->model == "claude");
    CHECK(parse_model_choice(R"({"provider_id": "p", "model_id": "m"})")->model == "m");
    CHECK_FALSE(parse_model_choice(R"({"providerID": "p"})").has_value());
    CHECK_FALSE(parse_model_choice("null").has_value());
    CHECK_FALSE(parse_model_choice("{").has_value());
}
