#pragma once
/// @file  A streaming OpenAI-compatible model on loopback that says what a test wrote down, counts how often it was
/// asked, and stands still where a test wants it to. Any thread.

#include <condition_variable>
#include <cstddef>
#include <map>
#include <mutex>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "support/http_server.hpp"

namespace oiab::tests {

/// One answer: words, or the call of a tool.
struct ScriptedAnswer {
    std::vector<std::string> words{};
    std::string tool{};  ///< empty: the words are all
    nlohmann::json arguments = nlohmann::json::object();
};

/// Where in an answer the model may be told to stand still.
enum class Moment {
    kBeforeFirstToken,  ///< the request is there, nothing is answered
    kBetweenTokens,     ///< after the first word, or after the tool call without the end of the answer
    kBeforeEnd,         ///< everything is said but that it is the end
};

class ScriptedModel {
public:
    /// A conversation's answers in order: the first is to the user's message, the next one to one tool result, and so
    /// on. The last one answers whatever comes after it.
    explicit ScriptedModel(std::vector<ScriptedAnswer> answers);

    /// The base URL for clients, with /v1.
    [[nodiscard]] std::string url() const { return server_.url("/v1"); }
    /// How often a model was asked since the last reset.
    [[nodiscard]] std::size_t calls() const;
    /// The requests since the last reset, as they came.
    [[nodiscard]] std::vector<nlohmann::json> requests() const;
    /// Other answers, no holds, and counting anew. Answers that stand still are let go.
    void reset(std::vector<ScriptedAnswer> answers);
    /// Conversations whose last prompt has `part` in it are answered by these instead.
    void script(std::string part, std::vector<ScriptedAnswer> answers);
    /// The status that the next `times` requests are refused with.
    void refuse(int status, int times, ServedConnection::Headers headers = {});

    /// The answer with that index (0 = to the user's message) stands still at the moment, once.
    void hold(std::size_t answer, Moment moment);
    /// Waits until an answer stands still. @returns false when none did within the bound.
    [[nodiscard]] bool wait_until_held(std::chrono::milliseconds bound = std::chrono::seconds{60});
    /// Lets the answer that stands still go on.
    void release();

    /// Tokens that every answer reports.
    static constexpr int kInputTokens = 1000;
    static constexpr int kOutputTokens = 100;

private:
    void serve(ServedConnection& connection, const ServedRequest& request);
    [[nodiscard]] const std::vector<ScriptedAnswer>& answers_to(const nlohmann::json& messages) const;
    void answer(ServedConnection& connection, const std::string& model, std::size_t index,
                const ScriptedAnswer& scripted);
    void stand_still(std::size_t answer, Moment moment);

    mutable std::mutex mutex_;
    std::condition_variable changed_;
    std::vector<ScriptedAnswer> answers_;
    std::map<std::string, std::vector<ScriptedAnswer>> by_prompt_;
    std::vector<nlohmann::json> requests_;
    std::map<std::pair<std::size_t, Moment>, int> holds_;
    bool held_ = false;
    std::size_t releases_ = 0;
    int refusals_ = 0;
    int refusal_status_ = 500;
    ServedConnection::Headers refusal_headers_;
    HttpServer server_;  ///< last: its threads use the rest
};

}  // namespace oiab::tests
