#include "plugin/http_endpoint.hpp"

#include <array>
#include <cstdint>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <utility>

#include "clients/http_client.hpp"
#include "clients/retry_after.hpp"
#include "core/clock.hpp"
#include "core/json_text.hpp"
#include "plugin/job_document.hpp"

namespace oiab::plugin {
namespace {

namespace asio = boost::asio;
using nlohmann::json;

/// version-traceid-spanid-flags; the span is the attempt, told by its epoch, which no two attempts share.
std::string traceparent_of(const core::Job& job) {
    std::array<char, 17> span{};
    const auto epoch = static_cast<std::uint64_t>(job.lease_epoch.value) + 1;  // an all-zero span would be invalid
    std::snprintf(span.data(), span.size(), "%016llx", static_cast<unsigned long long>(epoch));
    return "00-" + job.id.value.to_hex() + "-" + span.data() + "-01";
}

core::Outcome outcome_of_success(const std::string& body) {
    if (body.find_first_not_of(" \t\r\n") == std::string::npos) return core::completed();
    const json answer = core::parse_foreign_json(body);
    if (answer.is_discarded()) return core::retry("the endpoint answered 200 with a body that is not JSON");
    if (!answer.is_object() || !answer.contains("outcome")) {
        return core::completed(core::storable_json(answer));
    }
    auto outcome = parse_outcome(answer);
    if (!outcome) return core::retry("the endpoint answered with a malformed outcome: " + outcome.error());
    return std::move(*outcome);
}

/// The body's "error" where it has one, else the beginning of the body.
std::string reason_in(const std::string& body) {
    const json answer = core::parse_foreign_json(body);
    if (answer.is_object() && answer.contains("error") && answer["error"].is_string()) {
        return presentable(answer["error"].get_ref<const std::string&>());
    }
    return presentable(body);
}

class HttpEndpointHandler final : public Handler {
public:
    HttpEndpointHandler(clients::HttpClient& http, const core::Clock& clock, HttpEndpointSettings settings)
        : http_{http}, clock_{clock}, settings_{std::move(settings)} {}

    asio::awaitable<core::Outcome> run(Attempt& attempt) override {
        const auto response = co_await http_.send(make_request(attempt));
        if (!response) {
            const auto& error = response.error();
            // A request that cannot even be made is a mistake in the configuration, which repeating does not mend.
            const bool impossible =
                error.kind == clients::CallFailure::kProtocol && error.repeat == clients::Repeat::kSafe;
            if (impossible) co_return core::failed(core::FailureReason::kError, error.message);
            co_return core::retry(error.message);
        }
        co_return outcome_of(*response);
    }

private:
    [[nodiscard]] clients::HttpRequest make_request(const Attempt& attempt) const {
        const core::Job& job = attempt.job();
        clients::HttpRequest request;
        request.method = "POST";
        request.url = settings_.url;
        request.unix_socket = settings_.unix_socket;
        request.connect_timeout = settings_.connect_timeout;
        request.deadline = attempt.deadline();
        request.max_response_bytes = settings_.max_output;
        request.body = job_document(job, attempt.deadline());
        request.headers = {{"Content-Type", "application/json"},
                           {"Idempotency-Key", job.id.to_string()},
                           {"traceparent", traceparent_of(job)}};
        request.headers.insert(request.headers.end(), settings_.headers.begin(), settings_.headers.end());
        return request;
    }

    [[nodiscard]] core::Outcome outcome_of(const clients::HttpResponse& response) const {
        const int status = response.status();
        if (status >= 200 && status < 300) return outcome_of_success(response.body);
        std::string error = "the endpoint answered " + std::to_string(status);
        if (const std::string reason = reason_in(response.body); !reason.empty()) error += ": " + reason;
        if (status == 408 || status == 429 || status >= 500) {
            return core::retry_not_before(std::move(error),
                                          clients::find_retry_after(response.head, clock_.wall_now()));
        }
        return core::failed(core::FailureReason::kError, std::move(error));
    }

    clients::HttpClient& http_;
    const core::Clock& clock_;
    const HttpEndpointSettings settings_;
};

}  // namespace

std::shared_ptr<Handler> make_http_endpoint_handler(clients::HttpClient& http, const core::Clock& clock,
                                                    HttpEndpointSettings settings) {
    return std::make_shared<HttpEndpointHandler>(http, clock, std::move(settings));
}

}  // namespace oiab::plugin
