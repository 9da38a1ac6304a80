#pragma once
/// @file  One opencode server (`opencode serve`, 1.18) as the agent runtime talks to it. Every call names the directory
/// that it is about, is bounded in time and size, and never throws for what the network does. Any number of coroutines
/// at once; a coroutine's cancellation slot ends its call.

#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <expected>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "clients/http_client.hpp"
#include "clients/opencode_values.hpp"
#include "clients/sse.hpp"

namespace oiab::clients {

struct OpencodeSettings {
    std::string base_url = "http://sandbox:4096";
    std::string user = "opencode";
    std::string password;  ///< secret; empty: no credentials are sent
    std::chrono::milliseconds connect_timeout{5'000};
    /// Of a call that changes something, and of the messages, which can be long. An opencode that has just started
    /// answers its first one for a directory late.
    std::chrono::milliseconds call_timeout{60'000};
    /// Of a question with a short answer: asked again rather than waited for.
    std::chrono::milliseconds look_timeout{10'000};
    /// How long the messages may stay away, or stop coming.
    std::chrono::seconds stall_timeout{10};
    /// Of the end of a turn that nobody wants any more.
    std::chrono::milliseconds abort_timeout{5'000};
};

enum class OpencodeTrouble {
    kUnreachable,  ///< no answer: not running, starting, cut off, or the time is up; a proxy may say so for it
    kNotFound,     ///< 404
    kRefused,      ///< another 4xx: wrong password, malformed request
    kServer,       ///< 5xx, or an answer that cannot be read
    kCancelled,
};

struct OpencodeFailure {
    OpencodeTrouble kind = OpencodeTrouble::kUnreachable;
    std::string message;  ///< names what was attempted; no secrets
};

template <typename T>
using OpencodeResult = std::expected<T, OpencodeFailure>;

/// The server's events for one directory, its child sessions' included. There is no replay: what happens before the
/// stream is open, or after it broke, must be asked for.
class OpencodeEvents {
public:
    explicit OpencodeEvents(HttpStream stream) : stream_{std::move(stream)} {}

    /// Waits for the next events. @returns at least one, or why the stream ended (always an error: it has no end).
    [[nodiscard]] asio::awaitable<OpencodeResult<std::vector<OpencodeEvent>>> next();

private:
    HttpStream stream_;
    SseParser parser_;
};

class OpencodeClient {
public:
    /// @param http  outlives this object
    OpencodeClient(HttpClient& http, OpencodeSettings settings);

    [[nodiscard]] asio::awaitable<OpencodeResult<std::string>> version();
    [[nodiscard]] asio::awaitable<OpencodeResult<OpencodeModels>> models(std::string directory);

    /// Makes the session where there is none of that id; one that is there stays as it is.
    [[nodiscard]] asio::awaitable<OpencodeResult<void>> ensure_session(std::string id, std::string directory);
    [[nodiscard]] asio::awaitable<OpencodeResult<OpencodeSession>> find_session(std::string id, std::string directory);
    /// Sets the title and adds rules behind those that the session has.
    [[nodiscard]] asio::awaitable<OpencodeResult<void>> update_session(std::string id, std::string directory,
                                                                       std::string title,
                                                                       std::vector<OpencodeRule> rules);

    /// The newest `limit` messages, oldest first.
    [[nodiscard]] asio::awaitable<OpencodeResult<std::vector<OpencodeMessage>>> messages(std::string session,
                                                                                         std::string directory,
                                                                                         int limit);
    [[nodiscard]] asio::awaitable<OpencodeResult<bool>> has_message(std::string session, std::string message,
                                                                    std::string directory);
    /// Hands over a prompt and returns at once. The server answers this way also where nothing comes of it.
    [[nodiscard]] asio::awaitable<OpencodeResult<void>> prompt(OpencodePrompt prompt, std::string directory);
    /// What the session does now.
    [[nodiscard]] asio::awaitable<OpencodeResult<OpencodeStatus>> status(std::string session, std::string directory);
    [[nodiscard]] asio::awaitable<OpencodeResult<void>> abort(std::string session, std::string directory);

    [[nodiscard]] asio::awaitable<OpencodeResult<std::vector<OpencodeRequest>>> permissions(std::string directory);
    [[nodiscard]] asio::awaitable<OpencodeResult<void>> allow_once(std::string request, std::string directory);
    /// The model is told the reason and goes on.
    [[nodiscard]] asio::awaitable<OpencodeResult<void>> reject(std::string request, std::string directory,
                                                               std::string reason);
    [[nodiscard]] asio::awaitable<OpencodeResult<std::vector<OpencodeRequest>>> questions(std::string directory);
    [[nodiscard]] asio::awaitable<OpencodeResult<void>> reject_question(std::string request, std::string directory);

    /// Opens the stream of events. Nothing that happens from now on is missed while it lasts.
    [[nodiscard]] asio::awaitable<OpencodeResult<OpencodeEvents>> events(std::string directory);

private:
    [[nodiscard]] HttpRequest make_request(const char* method, const std::string& path, const std::string& directory,
                                           std::string body = {}) const;
    [[nodiscard]] asio::awaitable<OpencodeResult<nlohmann::json>> call(HttpRequest request, std::string what);
    [[nodiscard]] asio::awaitable<OpencodeResult<void>> command(HttpRequest request, std::string what);

    HttpClient& http_;
    OpencodeSettings settings_;
    std::string authorization_;
};

}  // namespace oiab::clients
