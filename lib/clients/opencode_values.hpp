#pragma once
/// @file  What an opencode server tells and is told, as plain values: sessions, messages, parts, requests. For the
/// opencode client and the runtime that uses it; any thread. All text is valid UTF-8 without NUL.

#include <chrono>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

namespace oiab::clients {

struct OpencodeRule {
    std::string permission;  ///< edit, bash, … or "*"
    std::string pattern = "*";
    std::string action;  ///< allow, deny, ask

    bool operator==(const OpencodeRule&) const = default;
};

struct OpencodeSession {
    std::string id;
    std::string parent_id;  ///< empty for none
    std::string title;
    std::vector<OpencodeRule> rules;  ///< in the order in which they were added: the last one that matches counts
};

enum class OpencodePartKind { kText, kTool, kStepFinish, kCompaction, kOther };
enum class OpencodeToolStatus { kPending, kRunning, kCompleted, kError };

struct OpencodePart {
    std::string id;
    std::string message_id;
    OpencodePartKind kind = OpencodePartKind::kOther;
    std::string text;        ///< of a text part
    bool ended = false;      ///< the text is complete
    bool synthetic = false;  ///< written by opencode itself
    std::string tool;
    std::string call_id;
    OpencodeToolStatus status = OpencodeToolStatus::kPending;
    nlohmann::json input = nlohmann::json::object();
    std::string output;         ///< of a tool that completed; the reason where it failed
    std::string child_session;  ///< of the tool `task`: where the subagent worked
};

struct OpencodeError {
    std::string name;  ///< APIError, MessageAbortedError, …
    std::string message;
    bool is_retryable = false;
    int status = 0;
};

struct OpencodeTokens {
    std::int64_t input = 0;
    std::int64_t output = 0;
    std::int64_t reasoning = 0;
    std::int64_t cache_read = 0;
    std::int64_t cache_write = 0;
};

struct OpencodeMessage {
    std::string id;
    std::string role;
    std::string parent_id;  ///< of an assistant's: the user's message that it answers
    std::string provider;
    std::string model;
    bool completed = false;
    std::string finish;    ///< stop, tool-calls, length, …; empty where it broke off
    bool summary = false;  ///< an assistant's: it shortens the conversation and answers nobody
    std::optional<OpencodeError> error;
    OpencodeTokens tokens;
    double cost_usd = 0;
    std::optional<std::chrono::milliseconds> duration;
    std::vector<OpencodePart> parts;
};

enum class OpencodeActivity { kIdle, kBusy, kRetry };

struct OpencodeStatus {
    OpencodeActivity activity = OpencodeActivity::kIdle;
    std::string message;                  ///< of a retry: what went wrong
    std::chrono::milliseconds next_at{};  ///< of a retry: when, since 1970
};

/// A permission or a question that waits for an answer.
struct OpencodeRequest {
    std::string id;
    std::string session_id;
    std::string permission;  ///< empty for a question
};

struct OpencodePrompt {
    std::string session_id;
    std::string message_id;
    std::string part_id;
    std::string provider;  ///< both empty: the server's default model
    std::string model;
    std::string system;  ///< behind the server's own system prompt
    std::string text;
};

struct OpencodeModels {
    struct Entry {
        std::string provider;
        std::string model;
    };
    std::vector<Entry> known;
};

struct OpencodeEvent {
    std::string type;  ///< message.part.delta, session.idle, …
    std::string session_id;
    nlohmann::json properties;  ///< an object
};

}  // namespace oiab::clients
