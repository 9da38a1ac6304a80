#pragma once
/// @file  Requests and settings that the tests of the HTTP client share.

#include <string>
#include <utility>

#include "clients/http_client.hpp"
#include "support/http_server.hpp"

namespace oiab::clients::tests {

inline HttpClientSettings direct() {
    HttpClientSettings settings;
    settings.proxy = "";
    return settings;
}

inline HttpRequest get(std::string url) {
    HttpRequest request;
    request.url = std::move(url);
    request.deadline = core::Deadline::after(std::chrono::seconds{120});
    return request;
}

inline HttpRequest post(std::string url, std::string body) {
    HttpRequest request = get(std::move(url));
    request.method = "POST";
    request.body = std::move(body);
    return request;
}

inline void hello(oiab::tests::ServedConnection& connection, const oiab::tests::ServedRequest&) {
    connection.respond(200, "hello");
}

}  // namespace oiab::clients::tests
