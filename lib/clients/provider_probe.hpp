#pragma once
/// @file  The cheapest call that proves a provider's credentials. For checks, by people and on a schedule.

#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <expected>
#include <string>
#include <vector>

#include "clients/chat_factory.hpp"
#include "clients/http_client.hpp"
#include "clients/model_error.hpp"
#include "core/clock.hpp"
#include "core/deadline.hpp"

namespace oiab::clients {

enum class ProbeWay {
    kByList,  ///< list the models, which costs nothing; a server that has no such list is asked for a word
    kByWord,  ///< ask the model for a word: for servers that show their list to everybody
};

struct ProbeAnswer {
    std::vector<std::string> models;  ///< as listed, at most kMostListedModels; empty where there is no list
    std::chrono::milliseconds latency{0};
};

inline constexpr std::size_t kMostListedModels = 1000;

/// Calls the provider once, or twice where it has no list of models.
/// @param model  to be asked where the list is not to be had; empty: then the error says so
/// @param http, clock  outlive the coroutine
/// @returns what the provider refused or why it was not reached; never throws for what the network does
[[nodiscard]] asio::awaitable<std::expected<ProbeAnswer, ModelError>> probe_provider(HttpClient& http,
                                                                                     ChatEndpoint endpoint,
                                                                                     std::string model, ProbeWay way,
                                                                                     const core::Clock& clock,
                                                                                     core::Deadline deadline);

}  // namespace oiab::clients
