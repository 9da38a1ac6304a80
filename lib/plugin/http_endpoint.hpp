#pragma once
/// @file  Handlers behind an HTTP endpoint: a sidecar, a service, a script behind a unix socket. See docs/plugins.md.

#include <chrono>
#include <cstddef>
#include <map>
#include <memory>
#include <string>

#include "core/clock.hpp"
#include "oiab/handler.hpp"

namespace oiab::clients {
class HttpClient;
}

namespace oiab::plugin {

struct HttpEndpointSettings {
    std::string url;
    std::string unix_socket;                     ///< path; empty for TCP
    std::map<std::string, std::string> headers;  ///< sent with every request: credentials, above all
    std::size_t max_output = 1U << 20U;          ///< bytes of an answer; a longer one is a retry
    std::chrono::milliseconds connect_timeout{10'000};
};

/// A handler that POSTs each job and holds the connection until the attempt's deadline; cancelling closes it.
/// 200 is completed, or whatever outcome the body names; 408, 429 and 5xx are retries that honour Retry-After; every
/// other 4xx fails the job. Each request carries `Idempotency-Key: <job id>` and a W3C `traceparent` whose trace is the
/// job, so that all attempts of a job are one trace.
/// @param http, clock  outlive the handler
[[nodiscard]] std::shared_ptr<Handler> make_http_endpoint_handler(clients::HttpClient& http, const core::Clock& clock,
                                                                  HttpEndpointSettings settings);

}  // namespace oiab::plugin
