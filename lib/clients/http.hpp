#pragma once
/// @file  An HTTP request and what comes back, as plain values. For whoever uses HttpClient; any thread.

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/deadline.hpp"

namespace oiab::clients {

using HttpHeaders = std::vector<std::pair<std::string, std::string>>;

struct HttpRequest {
    std::string method = "GET";
    std::string url;  ///< http or https, absolute
    HttpHeaders headers;
    std::string body;
    core::Deadline deadline = core::Deadline::never();  ///< of the whole exchange, streaming included
    std::chrono::milliseconds connect_timeout{10'000};
    /// Longest silence of the peer while an answer is awaited; zero for none. Noticed up to 5 s late, since curl
    /// averages the speed over that time.
    std::chrono::seconds stall_timeout{0};
    std::size_t max_response_bytes = 64U << 20U;
    std::size_t max_header_bytes = 256U << 10U;
    std::string unix_socket;  ///< path of a socket to talk through instead of TCP; empty for none
    /// Repeating has no second effect although the method alone would not say so. What is neither that nor of such a
    /// method is sent once at most, also where a kept connection dies before an answer.
    bool idempotent = false;
    /// The address is somebody's who may not look into the networks of this machine: nothing but an address of the
    /// public internet is connected to, whatever its name resolves to. Behind a proxy, the proxy decides.
    bool only_public = false;
};

struct HttpHead {
    int status = 0;
    HttpHeaders headers;  ///< in order of arrival; names in lower case

    /// The first header of that name (to be given in lower case), or nullopt.
    [[nodiscard]] std::optional<std::string_view> find_header(std::string_view name) const noexcept;
};

struct HttpResponse {
    HttpHead head;
    std::string body;

    [[nodiscard]] int status() const noexcept { return head.status; }
};

}  // namespace oiab::clients
