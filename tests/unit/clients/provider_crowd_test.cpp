/// @file  A thousand calls that want to use one limited key, on several threads, against a real server.

#include <atomic>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/thread_pool.hpp>
#include <catch2/catch_test_macros.hpp>
#include <latch>
#include <map>

#include "clients/chat_factory.hpp"
#include "clients/provider_traffic.hpp"
#include "scripted_provider.hpp"

using namespace oiab::tests;
namespace asio = boost::asio;

namespace {

constexpr int kCrowd = 1000;

/// Allows so many calls at once and refuses what is beyond at once, as a provider's gateway does.
class LimitedProvider {
public:
    explicit LimitedProvider(int allowed) : allowed_{allowed} {}

    HttpServer::Script script() {
        return [this](ServedConnection& connection, const ServedRequest&) {
            const int now = ++running_;
            if (now > allowed_) {
                ++refused;
                --running_;
                connection.respond_json(429, R"({"error":{"message":"slow down","type":"rate_limit_error"}})");
                return;
            }
            // What an answer takes, so that calls meet here; no check depends on how long it is.
            static_cast<void>(never_.wait(2ms));
            ++answered;
            --running_;
            connection.respond_json(200, kWhole);
        };
    }

    std::atomic<int> refused{0};
    std::atomic<int> answered{0};

private:
    const int allowed_;
    std::atomic<int> running_{0};
    SyncPoint never_;
};

struct Crowd {
    int answered = 0;
    std::map<ModelErrorClass, int> errors;
};

/// All calls at once, each on a strand of its own, as attempts are.
Crowd ask_all(std::shared_ptr<ChatModel> model, unsigned threads) {
    asio::thread_pool pool{threads};
    std::mutex mutex;
    Crowd crowd;
    std::latch done{kCrowd};
    for (int i = 0; i < kCrowd; ++i) {
        asio::co_spawn(asio::make_strand(pool), model->complete(Provider::question("Hi"), {}),
                       [&](std::exception_ptr failure, Answer answer) {
                           {
                               const std::scoped_lock lock{mutex};
                               if (!failure && answer) ++crowd.answered;
                               else if (!failure) ++crowd.errors[answer.error().kind];
                           }
                           done.count_down();
                       });
    }
    done.wait();
    pool.join();
    return crowd;
}

}  // namespace

TEST_CASE("traffic: a thousand waiting calls all get through a narrow key without hammering it") {
    LimitedProvider limited{6};
    Provider provider{limited.script()};
    oiab::core::SystemRandom random;
    TrafficSettings settings;
    settings.longest_wait = 10min;
    settings.limit.ramp = 10min;  // on a slow machine refusals take longer than a step of the ramp
    settings.limit.first_pause = 1ms;
    settings.limit.longest_pause = 10ms;
    auto traffic = std::make_shared<ProviderTraffic>(provider.clock, random, settings);
    ChatEndpoint endpoint;
    endpoint.provider = provider.settings.provider;
    const auto guarded = make_guarded(make_chat_model(provider.http, endpoint, provider.clock), traffic,
                                      {make_key_id(endpoint.provider.base_url, endpoint.provider.api_key), "narrow"});
    const Crowd crowd = ask_all(guarded, 4);
    INFO("refused " << limited.refused << " of " << provider.server.requests().size());
    CHECK(crowd.answered == kCrowd);
    CHECK(crowd.errors.empty());
    CHECK(limited.answered == kCrowd);
    // Asked all at once, the server would have refused nearly a thousand; and each retry again.
    CHECK(limited.refused <= kCrowd / 5);
    CHECK(provider.server.most_at_once() <= settings.limit.initial);
    const auto state = traffic->key_state(make_key_id(endpoint.provider.base_url, endpoint.provider.api_key));
    CHECK((state.running == 0 && state.waiting == 0));
}

TEST_CASE("traffic: a wide key is used in full soon") {
    Provider provider{answering(200, kWhole)};
    SyncPoint all_there;
    std::atomic<int> there{0};
    provider.server.set_script([&](ServedConnection& connection, const ServedRequest&) {
        if (++there == 200) all_there.signal();
        if (!all_there.wait()) throw std::runtime_error{"fewer than 200 calls were let through at once"};
        connection.respond_json(200, kWhole);
    });
    oiab::core::SystemRandom random;
    auto traffic = std::make_shared<ProviderTraffic>(provider.clock, random);
    ChatEndpoint endpoint;
    endpoint.provider = provider.settings.provider;
    const Crowd crowd =
        ask_all(make_guarded(make_chat_model(provider.http, endpoint, provider.clock), traffic, {"key", "wide"}), 2);
    CHECK(crowd.answered == kCrowd);
    CHECK(provider.server.failures().empty());
    CHECK(provider.server.most_at_once() >= 200);
}

TEST_CASE("traffic: a provider that is down is asked a handful of times, not a thousand") {
    Provider provider{answering(503, R"({"error":{"message":"down"}})")};
    oiab::core::SystemRandom random;
    TrafficSettings settings;
    settings.limit.ramp = 10min;
    settings.circuit.first_pause = settings.circuit.longest_pause = 10min;  // no probe on a slow machine, either
    auto traffic = std::make_shared<ProviderTraffic>(provider.clock, random, settings);
    ChatEndpoint endpoint;
    endpoint.provider = provider.settings.provider;
    Crowd crowd =
        ask_all(make_guarded(make_chat_model(provider.http, endpoint, provider.clock), traffic, {"key", "down"}), 4);
    CHECK(crowd.answered == 0);
    const auto asked = provider.server.requests().size();
    CHECK(asked >= 5);
    CHECK(asked <= 2 * settings.limit.initial);
    CHECK(crowd.errors[ModelErrorClass::kRetryable] == static_cast<int>(asked));
    CHECK(crowd.errors[ModelErrorClass::kUnavailable] == kCrowd - static_cast<int>(asked));
}
