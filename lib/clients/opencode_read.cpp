#include "clients/opencode_read.hpp"

#include <nlohmann/json.hpp>

#include "clients/provider.hpp"
#include "core/json_text.hpp"

namespace oiab::clients {
namespace {

using nlohmann::json;

const json kNothing = json::object();

const json& member(const json& object, const char* name) {
    if (!object.is_object()) return kNothing;
    const auto found = object.find(name);
    return found == object.end() ? kNothing : *found;
}

bool flag(const json& object, const char* name) {
    const json& value = member(object, name);
    return value.is_boolean() && value.get<bool>();
}

std::optional<double> number(const json& object, const char* name) {
    const json& value = member(object, name);
    if (!value.is_number()) return std::nullopt;
    return value.get<double>();
}

/// Milliseconds since 1970, or a length of time; nothing that would overflow.
std::optional<std::chrono::milliseconds> milliseconds_of(const json& object, const char* name) {
    const auto value = number(object, name);
    if (!value || !(*value >= 0 && *value < 1e15)) return std::nullopt;
    return std::chrono::milliseconds{static_cast<std::int64_t>(*value)};
}

OpencodeError read_error(const json& value) {
    const json& data = member(value, "data");
    OpencodeError error;
    error.name = text_member(value, "name");
    error.message = text_member(data, "message");
    error.is_retryable = flag(data, "isRetryable");
    const auto status = number(data, "statusCode");
    if (status && *status >= 100 && *status < 1000) error.status = static_cast<int>(*status);
    return error;
}

OpencodeTokens read_tokens(const json& value) {
    const json& cache = member(value, "cache");
    return {token_count(value, "input"), token_count(value, "output"), token_count(value, "reasoning"),
            token_count(cache, "read"), token_count(cache, "write")};
}

OpencodeToolStatus read_tool_status(const std::string& name) {
    if (name == "completed") return OpencodeToolStatus::kCompleted;
    if (name == "error") return OpencodeToolStatus::kError;
    if (name == "pending") return OpencodeToolStatus::kPending;
    // A word that is not known here is taken for the worst: something that may have happened.
    return OpencodeToolStatus::kRunning;
}

void read_tool(const json& value, OpencodePart& part) {
    const json& state = member(value, "state");
    part.tool = text_member(value, "tool");
    part.call_id = text_member(value, "callID");
    part.status = read_tool_status(text_member(state, "status"));
    if (member(state, "input").is_object()) part.input = member(state, "input");
    part.output = text_member(state, part.status == OpencodeToolStatus::kError ? "error" : "output");
    part.child_session = text_member(member(state, "metadata"), "sessionId");
}

}  // namespace

std::optional<OpencodeSession> read_opencode_session(const json& value) {
    OpencodeSession session;
    session.id = text_member(value, "id");
    if (session.id.empty()) return std::nullopt;
    session.parent_id = text_member(value, "parentID");
    session.title = text_member(value, "title");
    const json& rules = member(value, "permission");
    if (rules.is_array()) {
        for (const json& rule : rules) {
            session.rules.push_back(
                {text_member(rule, "permission"), text_member(rule, "pattern"), text_member(rule, "action")});
        }
    }
    return session;
}

OpencodePart read_opencode_part(const json& value) {
    OpencodePart part;
    part.id = text_member(value, "id");
    part.message_id = text_member(value, "messageID");
    const std::string type = text_member(value, "type");
    if (type == "text") {
        part.kind = OpencodePartKind::kText;
        part.text = text_member(value, "text");
        part.ended = milliseconds_of(member(value, "time"), "end").has_value();
        part.synthetic = flag(value, "synthetic");
    } else if (type == "tool") {
        part.kind = OpencodePartKind::kTool;
        read_tool(value, part);
    } else if (type == "step-finish") {
        part.kind = OpencodePartKind::kStepFinish;
    } else if (type == "compaction") {
        part.kind = OpencodePartKind::kCompaction;
    }
    return part;
}

std::optional<OpencodeMessage> read_opencode_message(const json& value) {
    const json& info = member(value, "info");
    OpencodeMessage message;
    message.id = text_member(info, "id");
    message.role = text_member(info, "role");
    if (message.id.empty() || message.role.empty()) return std::nullopt;
    message.parent_id = text_member(info, "parentID");
    message.provider = text_member(info, "providerID");
    message.model = text_member(info, "modelID");
    message.finish = text_member(info, "finish");
    message.summary = flag(info, "summary");
    message.tokens = read_tokens(member(info, "tokens"));
    const double cost = number(info, "cost").value_or(0);
    if (cost > 0 && cost < 1e6) message.cost_usd = cost;
    const json& time = member(info, "time");
    const auto completed = milliseconds_of(time, "completed");
    message.completed = completed.has_value();
    const auto created = milliseconds_of(time, "created");
    if (created && completed && *completed >= *created) message.duration = *completed - *created;
    if (member(info, "error").is_object() && !member(info, "error").empty()) {
        message.error = read_error(member(info, "error"));
    }
    const json& parts = member(value, "parts");
    if (parts.is_array()) {
        for (const json& part : parts) message.parts.push_back(read_opencode_part(part));
    }
    return message;
}

std::optional<std::vector<OpencodeMessage>> read_opencode_messages(const json& value) {
    if (!value.is_array()) return std::nullopt;
    std::vector<OpencodeMessage> messages;
    for (const json& item : value) {
        if (auto message = read_opencode_message(item)) messages.push_back(std::move(*message));
    }
    return messages;
}

OpencodeStatus read_opencode_status(const json& value) {
    OpencodeStatus status;
    const std::string type = text_member(value, "type");
    if (type.empty() || type == "idle") return status;
    status.activity = type == "retry" ? OpencodeActivity::kRetry : OpencodeActivity::kBusy;
    status.message = text_member(value, "message");
    status.next_at = milliseconds_of(value, "next").value_or(std::chrono::milliseconds{0});
    return status;
}

std::optional<std::vector<OpencodeRequest>> read_opencode_requests(const json& value) {
    if (!value.is_array()) return std::nullopt;
    std::vector<OpencodeRequest> requests;
    for (const json& item : value) {
        OpencodeRequest request{text_member(item, "id"), text_member(item, "sessionID"),
                                text_member(item, "permission")};
        if (!request.id.empty()) requests.push_back(std::move(request));
    }
    return requests;
}

std::optional<OpencodeModels> read_opencode_models(const json& value) {
    const json& providers = member(value, "providers");
    if (!providers.is_array()) return std::nullopt;
    OpencodeModels models;
    for (const json& provider : providers) {
        const json& known = member(provider, "models");
        if (!known.is_object()) continue;
        for (const auto& [name, model] : known.items()) {
            models.known.push_back({text_member(provider, "id"), name});
        }
    }
    return models;
}

std::optional<OpencodeEvent> read_opencode_event(std::string_view data) {
    json value = parse_provider_json(data);
    OpencodeEvent event;
    event.type = text_member(value, "type");
    if (event.type.empty()) return std::nullopt;
    event.properties = member(value, "properties").is_object() ? member(value, "properties") : json::object();
    event.session_id = text_member(event.properties, "sessionID");
    return event;
}

std::string read_opencode_refusal(std::string_view body) {
    const json value = parse_provider_json(body);
    std::string message = text_member(member(value, "data"), "message");
    if (message.empty()) message = text_member(value, "message");
    if (message.empty()) message = text_member(value, "name");
    constexpr std::size_t kLongest = 300;
    // The text is UTF-8, in which no byte below 0x80 is a part of a longer character.
    if (message.size() > kLongest) {
        std::size_t end = kLongest;
        while (end > 0 && (static_cast<unsigned char>(message[end]) & 0xC0U) == 0x80U) --end;
        message.resize(end);
    }
    return message;
}

}  // namespace oiab::clients
