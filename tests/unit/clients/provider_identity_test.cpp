/// @file  What calls at one server share, and what of its address is told.

#include <catch2/catch_test_macros.hpp>

#include "clients/provider_traffic.hpp"
#include "manual_clock.hpp"
#include "support/run_coroutine.hpp"

using namespace oiab;
using namespace oiab::clients;

namespace {

class FailingModel final : public ChatModel {
public:
    asio::awaitable<std::expected<ChatAnswer, ModelError>> complete(ChatRequest, OnDelta) override {
        co_return std::unexpected{ModelError{ModelErrorClass::kRetryable, "as scripted", {}, 500}};
    }
    std::string_view runtime() const noexcept override { return "failing"; }
};

class HalfRandom final : public core::Random {
public:
    double uniform() override { return 0.5; }
};

}  // namespace

TEST_CASE("traffic: a key's id tells keys apart and tells no key") {
    const auto id = make_key_id("https://a", "sk-very-secret");
    CHECK(id.size() == 16);
    // Whoever types another's key text, or a dummy one, at a server of his own shall not hold up the other.
    CHECK(id != make_key_id("https://b", "sk-very-secret"));
    CHECK(id != make_key_id("https://a:8443", "sk-very-secret"));
    CHECK(id == make_key_id("https://a:443/v1?api-version=2", "sk-very-secret"));
    CHECK(id != make_key_id("https://a", "sk-other"));
    CHECK(make_key_id("https://a", "") != make_key_id("https://b", ""));
    CHECK(make_key_id("x", "") != make_key_id("", "x"));
}

TEST_CASE("traffic: user, password and path of an address are not told, but tell circuits apart") {
    const auto identity = make_identity("acme", "https://joe:pass@host/secret/v1?sig=x", "sk-very-secret");
    CHECK(identity.shown == "acme at https://host:443");
    CHECK(identity.provider != make_identity("acme", "https://host/other", "sk-very-secret").provider);
    CHECK(identity.provider == make_identity("acme", "https://joe:pass@host/secret/v1", "sk-other").provider);
    CHECK(identity.provider.find("secret") == std::string::npos);
    CHECK(identity.provider.find("pass") == std::string::npos);

    tests::ManualClock clock;
    HalfRandom random;
    const auto traffic = std::make_shared<ProviderTraffic>(clock, random, TrafficSettings{.circuit = {.failures = 1}});
    const auto guarded = make_guarded(std::shared_ptr<ChatModel>{std::make_shared<FailingModel>()}, traffic, identity);
    ChatRequest request;
    request.deadline = core::Deadline::never();
    CHECK_FALSE(tests::run_coroutine(guarded->complete(request, {})));
    const auto refused = tests::run_coroutine(guarded->complete(request, {}));
    REQUIRE_FALSE(refused);
    CHECK(refused.error().message.starts_with("the provider acme at https://host:443 keeps failing"));
}
