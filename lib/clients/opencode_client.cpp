#include "clients/opencode_client.hpp"

#include <fmt/format.h>
#include <openssl/evp.h>

#include <nlohmann/json.hpp>

#include "clients/openai_paths.hpp"
#include "clients/opencode_read.hpp"
#include "clients/provider.hpp"
#include "core/json_text.hpp"

namespace oiab::clients {
namespace {

using nlohmann::json;

/// Ten heartbeats of the server's event stream: silence for longer is a dead connection.
constexpr std::chrono::seconds kLongestSilence{100};

std::string base64(std::string_view bytes) {
    std::string out(4 * ((bytes.size() + 2) / 3) + 1, '\0');
    const int length =
        EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                        reinterpret_cast<const unsigned char*>(bytes.data()), static_cast<int>(bytes.size()));
    out.resize(static_cast<std::size_t>(length));
    return out;
}

OpencodeFailure failure_of(const CallError& error, const std::string& what) {
    auto kind = OpencodeTrouble::kUnreachable;
    switch (error.kind) {
        case CallFailure::kCancelled: kind = OpencodeTrouble::kCancelled; break;
        // Asking again at once would bring the same.
        case CallFailure::kTooLarge:
        case CallFailure::kProtocol:
        case CallFailure::kTls: kind = OpencodeTrouble::kServer; break;
        case CallFailure::kConnect:
        case CallFailure::kTimeout:
        case CallFailure::kTruncated: break;
    }
    return {kind, fmt::format("opencode: {}: {}", what, error.message)};
}

OpencodeFailure refusal_of(int status, std::string_view body, const std::string& what) {
    auto kind = OpencodeTrouble::kServer;
    // A proxy's words for an opencode that is not there.
    if (status >= 502 && status <= 504) kind = OpencodeTrouble::kUnreachable;
    else if (status == 404) kind = OpencodeTrouble::kNotFound;
    else if (status >= 400 && status < 500 && status != 408 && status != 429) kind = OpencodeTrouble::kRefused;
    std::string said = status == 401 ? "the password is wrong" : read_opencode_refusal(body);
    if (said.empty()) said = "it gave no reason";
    return {kind, fmt::format("opencode: {}: status {}: {}", what, status, said)};
}

OpencodeFailure garbled(const std::string& what) {
    return {OpencodeTrouble::kServer, fmt::format("opencode: {}: the answer cannot be read", what)};
}

std::string dumped(const json& value) { return value.dump(-1, ' ', false, json::error_handler_t::replace); }

json rule_json(const OpencodeRule& rule) {
    return {{"permission", rule.permission}, {"pattern", rule.pattern}, {"action", rule.action}};
}

}  // namespace

OpencodeClient::OpencodeClient(HttpClient& http, OpencodeSettings settings)
    : http_{http}, settings_{std::move(settings)} {
    while (settings_.base_url.ends_with('/')) settings_.base_url.pop_back();
    if (!settings_.password.empty()) authorization_ = "Basic " + base64(settings_.user + ":" + settings_.password);
}

HttpRequest OpencodeClient::make_request(const char* method, const std::string& path, const std::string& directory,
                                         std::string body) const {
    HttpRequest request;
    request.method = method;
    request.url = settings_.base_url + path;
    if (!directory.empty()) {
        request.url += path.find('?') == std::string::npos ? '?' : '&';
        request.url += "directory=" + percent_encoded(directory);
    }
    if (!authorization_.empty()) request.headers.emplace_back("Authorization", authorization_);
    if (!body.empty()) {
        request.headers.emplace_back("Content-Type", "application/json");
        request.body = std::move(body);
    }
    const bool only_looks = request.method == "GET";
    request.deadline = core::Deadline::after(only_looks ? settings_.look_timeout : settings_.call_timeout);
    request.connect_timeout = settings_.connect_timeout;
    // Every call here has the same effect when it is repeated: ids are ours.
    request.idempotent = true;
    return request;
}

asio::awaitable<OpencodeResult<json>> OpencodeClient::call(HttpRequest request, std::string what) {
    const auto response = co_await http_.send(std::move(request));
    if (!response) co_return std::unexpected{failure_of(response.error(), what)};
    if (response->status() < 200 || response->status() > 299) {
        co_return std::unexpected{refusal_of(response->status(), response->body, what)};
    }
    if (response->body.empty()) co_return json(nullptr);
    auto value = parse_provider_json(response->body);
    if (value.is_discarded()) co_return std::unexpected{garbled(what)};
    co_return value;
}

asio::awaitable<OpencodeResult<void>> OpencodeClient::command(HttpRequest request, std::string what) {
    const auto answer = co_await call(std::move(request), std::move(what));
    if (!answer) co_return std::unexpected{answer.error()};
    co_return OpencodeResult<void>{};
}

asio::awaitable<OpencodeResult<std::string>> OpencodeClient::version() {
    const auto answer = co_await call(make_request("GET", "/global/health", {}), "health");
    if (!answer) co_return std::unexpected{answer.error()};
    co_return text_member(*answer, "version");
}

asio::awaitable<OpencodeResult<OpencodeModels>> OpencodeClient::models(std::string directory) {
    const auto answer = co_await call(make_request("GET", "/config/providers", directory), "list of models");
    if (!answer) co_return std::unexpected{answer.error()};
    auto models = read_opencode_models(*answer);
    if (!models) co_return std::unexpected{garbled("list of models")};
    co_return std::move(*models);
}

asio::awaitable<OpencodeResult<void>> OpencodeClient::ensure_session(std::string id, std::string directory) {
    json body{{"id", id}};
    if (!directory.empty()) body["location"] = {{"directory", directory}};
    co_return co_await command(make_request("POST", "/api/session", directory, dumped(body)), "new session");
}

asio::awaitable<OpencodeResult<OpencodeSession>> OpencodeClient::find_session(std::string id, std::string directory) {
    const auto answer = co_await call(make_request("GET", "/session/" + percent_encoded(id), directory), "session");
    if (!answer) co_return std::unexpected{answer.error()};
    auto session = read_opencode_session(*answer);
    if (!session) co_return std::unexpected{garbled("session")};
    co_return std::move(*session);
}

asio::awaitable<OpencodeResult<void>> OpencodeClient::update_session(std::string id, std::string directory,
                                                                     std::string title,
                                                                     std::vector<OpencodeRule> rules) {
    json body{{"permission", json::array()}};
    if (!title.empty()) body["title"] = title;
    for (const auto& rule : rules) body["permission"].push_back(rule_json(rule));
    co_return co_await command(make_request("PATCH", "/session/" + percent_encoded(id), directory, dumped(body)),
                               "rules of a session");
}

asio::awaitable<OpencodeResult<std::vector<OpencodeMessage>>> OpencodeClient::messages(std::string session,
                                                                                       std::string directory,
                                                                                       int limit) {
    const auto path = fmt::format("/session/{}/message?limit={}", percent_encoded(session), limit);
    HttpRequest request = make_request("GET", path, directory);
    request.deadline = core::Deadline::after(settings_.call_timeout);
    request.stall_timeout = settings_.stall_timeout;
    const auto answer = co_await call(std::move(request), "messages");
    if (!answer) co_return std::unexpected{answer.error()};
    auto messages = read_opencode_messages(*answer);
    if (!messages) co_return std::unexpected{garbled("messages")};
    co_return std::move(*messages);
}

asio::awaitable<OpencodeResult<bool>> OpencodeClient::has_message(std::string session, std::string message,
                                                                  std::string directory) {
    const auto path = "/session/" + percent_encoded(session) + "/message/" + percent_encoded(message);
    const auto answer = co_await call(make_request("GET", path, directory), "message");
    if (answer) co_return true;
    if (answer.error().kind == OpencodeTrouble::kNotFound) co_return false;
    co_return std::unexpected{answer.error()};
}

asio::awaitable<OpencodeResult<void>> OpencodeClient::prompt(OpencodePrompt prompt, std::string directory) {
    json body{{"messageID", prompt.message_id},
              {"parts", json::array({{{"id", prompt.part_id}, {"type", "text"}, {"text", prompt.text}}})}};
    if (!prompt.model.empty()) body["model"] = {{"providerID", prompt.provider}, {"modelID", prompt.model}};
    if (!prompt.system.empty()) body["system"] = prompt.system;
    const auto path = "/session/" + percent_encoded(prompt.session_id) + "/prompt_async";
    co_return co_await command(make_request("POST", path, directory, core::storable_json(body)), "prompt");
}

asio::awaitable<OpencodeResult<OpencodeStatus>> OpencodeClient::status(std::string session, std::string directory) {
    const auto answer = co_await call(make_request("GET", "/session/status", directory), "status");
    if (!answer) co_return std::unexpected{answer.error()};
    if (!answer->is_object()) co_return std::unexpected{garbled("status")};
    const auto found = answer->find(session);
    co_return found == answer->end() ? OpencodeStatus{} : read_opencode_status(*found);
}

asio::awaitable<OpencodeResult<void>> OpencodeClient::abort(std::string session, std::string directory) {
    const auto path = "/session/" + percent_encoded(session) + "/abort";
    HttpRequest request = make_request("POST", path, directory);
    request.deadline = core::Deadline::after(settings_.abort_timeout);
    co_return co_await command(std::move(request), "abort");
}

asio::awaitable<OpencodeResult<std::vector<OpencodeRequest>>> OpencodeClient::permissions(std::string directory) {
    const auto answer = co_await call(make_request("GET", "/permission", directory), "permission requests");
    if (!answer) co_return std::unexpected{answer.error()};
    auto requests = read_opencode_requests(*answer);
    if (!requests) co_return std::unexpected{garbled("permission requests")};
    co_return std::move(*requests);
}

asio::awaitable<OpencodeResult<void>> OpencodeClient::allow_once(std::string request, std::string directory) {
    const auto path = "/permission/" + percent_encoded(request) + "/reply";
    co_return co_await command(make_request("POST", path, directory, R"({"reply":"once"})"), "permission");
}

asio::awaitable<OpencodeResult<void>> OpencodeClient::reject(std::string request, std::string directory,
                                                             std::string reason) {
    const auto path = "/permission/" + percent_encoded(request) + "/reply";
    const json body{{"reply", "reject"}, {"message", reason}};
    co_return co_await command(make_request("POST", path, directory, dumped(body)), "permission");
}

asio::awaitable<OpencodeResult<std::vector<OpencodeRequest>>> OpencodeClient::questions(std::string directory) {
    const auto answer = co_await call(make_request("GET", "/question", directory), "questions");
    if (!answer) co_return std::unexpected{answer.error()};
    auto requests = read_opencode_requests(*answer);
    if (!requests) co_return std::unexpected{garbled("questions")};
    co_return std::move(*requests);
}

asio::awaitable<OpencodeResult<void>> OpencodeClient::reject_question(std::string request, std::string directory) {
    const auto path = "/question/" + percent_encoded(request) + "/reject";
    co_return co_await command(make_request("POST", path, directory), "question");
}

asio::awaitable<OpencodeResult<OpencodeEvents>> OpencodeClient::events(std::string directory) {
    HttpRequest request = make_request("GET", "/event", directory);
    request.headers.emplace_back("Accept", "text/event-stream");
    request.deadline = core::Deadline::never();
    request.stall_timeout = kLongestSilence;
    request.max_response_bytes = static_cast<std::size_t>(-1) >> 1U;  // it has no end; each event is bounded
    auto stream = co_await http_.open(std::move(request));
    if (!stream) co_return std::unexpected{failure_of(stream.error(), "events")};
    if (stream->head().status != 200) co_return std::unexpected{refusal_of(stream->head().status, {}, "events")};
    co_return OpencodeEvents{std::move(*stream)};
}

asio::awaitable<OpencodeResult<std::vector<OpencodeEvent>>> OpencodeEvents::next() {
    std::vector<SseEvent> pieces;
    while (true) {
        const auto data = co_await stream_.read();
        if (!data) co_return std::unexpected{failure_of(data.error(), "events")};
        if (data->empty()) {
            co_return std::unexpected{OpencodeFailure{OpencodeTrouble::kUnreachable, "opencode: events: they ended"}};
        }
        pieces.clear();
        if (!parser_.push(*data, pieces)) co_return std::unexpected{garbled("events")};
        std::vector<OpencodeEvent> events;
        for (const auto& piece : pieces) {
            if (auto event = read_opencode_event(piece.data)) events.push_back(std::move(*event));
        }
        if (!events.empty()) co_return events;
    }
}

}  // namespace oiab::clients
