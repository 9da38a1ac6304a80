#pragma once
/// @file  Turns that use a tool, and a model that reviews them and writes skills. For the tests of learning.

#include "agent_fixture.hpp"

namespace oiab::tests {

inline bool is_review(const ChatRequest& request) {
    return request.messages.front().content.find("review a finished turn") != std::string::npos;
}
inline bool is_skill(const ChatRequest& request) {
    return request.messages.front().content.find("You write skills") != std::string::npos;
}

inline std::string skill_text(const std::string& name = "invoices") {
    return nlohmann::json{{"name", name},
                          {"description", "When an invoice is to be remembered."},
                          {"body", "# Skill: Invoices\n\n## When to use it\n\nFor invoices.\n\n1. memory_add.\n"}}
        .dump();
}

inline std::string review_text(const std::string& worked = "memory_add kept the invoice",
                               const std::string& reusable = "") {
    return nlohmann::json{{"worked", worked}, {"failed", ""}, {"reusable", reusable}}.dump();
}

/// A turn that keeps a memory and says so. Nullopt for what is no turn.
inline std::optional<ChatReply> play_turn(const ChatRequest& request) {
    if (is_review(request) || is_skill(request)) return std::nullopt;
    if (request.messages.back().role == clients::Role::kTool) return say("Kept.");
    return use_tool("memory_add", nlohmann::json{{"content", request.messages.back().content}}.dump());
}

/// Turns, reviews that are all alike, and a skill.
inline ChatReply learn_alike(const ChatRequest& request, int /*number*/) {
    if (auto turn = play_turn(request)) return *std::move(turn);
    return say(is_review(request) ? review_text() : skill_text());
}

class School : public Organisation {
public:
    explicit School(std::shared_ptr<clients::ChatModel> chat,
                    std::shared_ptr<clients::Embedder> embedder = std::make_shared<clients::OfflineEmbedder>())
        : Organisation{std::move(chat), std::move(embedder),
                       [](agent::AgentSettings& settings) { settings.learning = true; }} {}

    /// Runs a turn to its end. @returns the job's id
    std::string take_turn(const std::string& text) {
        const auto job = enqueue_turn(text);
        REQUIRE(finish(job) == "completed");
        return job;
    }
    /// Runs until no learning job is left.
    void learn() {
        start();
        eventually(
            std::chrono::seconds{60},
            [&] {
                return database().value(
                           "SELECT count(*) FROM jobs WHERE kind LIKE 'learning-%' AND finished_at IS NULL") == "0";
            },
            "nothing is left to learn");
    }
    std::string reflection_of(const std::string& turn) {
        return database().value("SELECT reflection FROM trajectories WHERE job_id = $1", pqxx::params{turn});
    }
    /// A column of the learning job of that kind, of the turn where one is named.
    std::string learning(const std::string& kind, const std::string& expression, const std::string& turn = "%") {
        return database().value(
            "SELECT " + expression + " FROM jobs WHERE kind = $1 AND payload::text LIKE '%' || $2 || '%'",
            pqxx::params{kind, turn});
    }
    std::string skills() { return database().value("SELECT count(*) FROM skills"); }
};

/// How many requests of a kind the model got.
inline std::size_t count_requests(const ScriptedChat& chat, bool (*kind)(const ChatRequest&)) {
    std::size_t count = 0;
    for (const auto& request : chat.requests()) count += kind(request) ? 1U : 0U;
    return count;
}

}  // namespace oiab::tests
