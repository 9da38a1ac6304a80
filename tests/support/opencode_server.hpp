#pragma once
/// @file  A real `opencode serve` on loopback with a home of its own, whose one provider is a ScriptedModel. Dies and
/// rises as a test wants; what it has stored stays. One thread.

#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "clients/http_client.hpp"
#include "support/child_process.hpp"
#include "support/scripted_model.hpp"
#include "support/temporary_directory.hpp"

namespace oiab::tests {

class OpencodeServer {
public:
    /// Starts it and waits until it answers. Fails the test where it is not installed (tests/opencode_server/setup).
    explicit OpencodeServer(const std::string& model_url);

    [[nodiscard]] std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }
    [[nodiscard]] static std::string password() { return "sandbox-password"; }
    /// An existing directory that turns may work in.
    [[nodiscard]] std::string directory() const { return home_.path() + "/work"; }
    [[nodiscard]] std::string home() const { return home_.path(); }

    /// kill -9, and waits for the end.
    void kill();
    /// Starts it again on the same port, with what it had stored, and waits until it answers.
    void start();

    struct Answer {
        int status = 0;       ///< 0: no answer came
        nlohmann::json body;  ///< the text where it is no JSON
    };
    /// One request with the credentials, for `directory` (empty: none named).
    [[nodiscard]] Answer call(const std::string& method, const std::string& path, const nlohmann::json& body = nullptr,
                              const std::string& directory = {},
                              std::chrono::milliseconds deadline = std::chrono::seconds{60});
    /// Makes a session with title and rules in directory().
    void make_session(const std::string& id, const nlohmann::json& rules);
    /// What a prompt's body holds: one text part with an id of its own.
    [[nodiscard]] static nlohmann::json prompt(const std::string& id, const std::string& text);
    [[nodiscard]] std::vector<nlohmann::json> messages(const std::string& session);
    /// The type of the session's status: "idle" where it is not listed.
    [[nodiscard]] std::string status(const std::string& session);
    [[nodiscard]] std::string log() const { return child_ ? child_->err() + child_->out() : std::string{}; }

private:
    TemporaryDirectory home_;
    int port_ = 0;
    clients::HttpClient http_;
    std::unique_ptr<ChildProcess> child_;
};

/// One server and its model for all tests of this process: it takes seconds to start. Tests use sessions of their own.
struct OpencodeWorld {
    ScriptedModel model{{{{"Hello."}}}};
    OpencodeServer server{model.url()};

    [[nodiscard]] static OpencodeWorld& shared();
};

/// Rules of a session that allow everything.
[[nodiscard]] nlohmann::json allow_everything();

}  // namespace oiab::tests
