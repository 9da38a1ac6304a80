#include "agent/chat_loop.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <optional>

#include "agent/memory_tools.hpp"
#include "core/json_text.hpp"

namespace oiab::agent {
namespace {

namespace asio = boost::asio;
using clients::ChatMessage;
using clients::Role;
using nlohmann::json;

/// What the session and the job get where the model ends its turn without a word, as some do after a tool's answer. Its
/// work is done then, so the turn does not fail; an empty message in the session would be refused later.
constexpr const char* kNoAnswer = "(The model ended the turn without an answer.)";

bool is_blank(std::string_view text) { return text.find_first_not_of(" \t\r\n") == std::string_view::npos; }

json to_json(const std::vector<clients::ToolCall>& calls) {
    json list = json::array();
    for (const auto& call : calls) {
        list.push_back({{"id", call.id}, {"name", call.name}, {"arguments", call.arguments}});
    }
    return list;
}

/// As session_messages.parts has them: {"protocol", "content": […]}.
std::string to_json_text(const clients::ProviderParts& parts) {
    return json{{"protocol", parts.protocol}, {"content", core::parse_foreign_json(parts.content)}}.dump();
}

std::optional<clients::ProviderParts> read_parts(const std::optional<std::string>& stored) {
    if (!stored) return std::nullopt;
    const json parts = core::parse_foreign_json(*stored);
    if (!parts.is_object()) return std::nullopt;
    const auto protocol = parts.find("protocol");
    const auto content = parts.find("content");
    if (protocol == parts.end() || !protocol->is_string()) return std::nullopt;
    if (content == parts.end() || !content->is_array()) return std::nullopt;
    return clients::ProviderParts{protocol->get<std::string>(), content->dump()};
}

/// What a tool step has recorded: {output, failed}; or anything else, which is what a person said that the tool had
/// answered (`oiabd jobs resolve`).
std::pair<std::string, bool> read_tool_answer(const json& recorded) {
    if (recorded.is_object() && recorded.contains("output") && recorded["output"].is_string() &&
        recorded.contains("failed") && recorded["failed"].is_boolean()) {
        return {recorded["output"].get<std::string>(), recorded["failed"].get<bool>()};
    }
    return {recorded.is_string() ? recorded.get<std::string>() : recorded.dump(), false};
}

/// The loop's state over its rounds.
class ChatLoop {
public:
    ChatLoop(Attempt& attempt, const AgentWorld& world, const Person& person, ChatTask task)
        : attempt_{attempt},
          world_{world},
          person_{person},
          task_{std::move(task)},
          scene_{attempt, world, person, task_.session_id, task_.channel} {}

    asio::awaitable<ChatResult> run() {
        ChatMessage prompt;
        prompt.content = task_.prompt;
        turn_.push_back(std::move(prompt));
        for (;;) {
            const bool last = result_.rounds >= world_.settings.max_tool_rounds;
            ModelReply reply = co_await ask(last);
            // Calls of tools that were not offered are never answered, and providers refuse every later turn of a
            // session with such calls in it.
            if (last && !reply.tool_calls.empty()) {
                reply.tool_calls.clear();
                reply.parts.reset();
            }
            if (reply.tool_calls.empty() && is_blank(reply.content)) {
                reply.content = kNoAnswer;
                reply.parts.reset();
            }
            note(reply);
            if (reply.tool_calls.empty()) break;
            for (std::size_t i = 0; i < reply.tool_calls.size(); ++i) co_await use(reply.tool_calls[i], i);
        }
        co_return std::move(result_);
    }

private:
    [[nodiscard]] std::string step_name(std::string_view what) const {
        return fmt::format("{}-{}", what, result_.rounds);
    }

    asio::awaitable<ModelReply> ask(bool without_tools) {
        ++result_.rounds;
        ModelCall call;
        call.step = step_name("model");
        call.session_id = task_.session_id;
        call.purpose = task_.purpose;
        call.model = task_.model;
        call.system_prompt = task_.system_prompt;
        call.history = task_.history;
        call.history_through = task_.history_through;
        call.dropped = dropped_;
        call.turn = turn_;
        call.stream_position = streamed_;
        if (!without_tools) {
            for (const auto& tool : task_.tools) call.tools.push_back(tool->definition());
        }
        co_return co_await call_model(attempt_, world_, person_, std::move(call));
    }

    void note(const ModelReply& reply) {
        dropped_ = reply.dropped;
        streamed_ += static_cast<std::int64_t>(reply.content.size());
        result_.text = reply.content;
        result_.model = reply.model.empty() ? task_.model.model : reply.model;
        result_.cost_usd += reply.cost_usd;
        result_.tokens.input += reply.tokens.input;
        result_.tokens.output += reply.tokens.output;
        result_.tokens.cache_read += reply.tokens.cache_read;
        result_.tokens.cache_write += reply.tokens.cache_write;
        result_.tokens.reasoning += reply.tokens.reasoning;

        ChatMessage message;
        message.role = Role::kAssistant;
        message.content = reply.content;
        message.tool_calls = reply.tool_calls;
        message.parts = reply.parts;
        turn_.push_back(message);

        store::NewMessage kept;
        kept.role = "assistant";
        kept.content = reply.content;
        if (!reply.tool_calls.empty()) kept.tool_calls = to_json(reply.tool_calls).dump();
        if (reply.parts) kept.parts = to_json_text(*reply.parts);
        kept.model = result_.model;
        kept.job_id = attempt_.job().id;
        kept.step = step_name("model");
        kept.metadata = json{{"runtime", world_.chat->runtime()}, {"finishReason", reply.finish_reason}}.dump();
        result_.messages.push_back(std::move(kept));
    }

    asio::awaitable<void> use(const clients::ToolCall& call, std::size_t index) {
        const std::string step = fmt::format("{}-{}", step_name("tool"), index);
        json arguments = core::parse_foreign_json(core::with_storable_escapes(call.arguments));
        const json answer = co_await run_tool(step, call.name, arguments);
        const auto [output, failed] = read_tool_answer(answer);
        if (failed) ++result_.failed_uses;
        if (!failed && call.name == MemoryAdd::kName) result_.memory_added = true;
        if (arguments.is_discarded()) arguments = call.arguments;
        auto& used = result_.uses.emplace_back(make_tool_use(call.name, arguments, output));
        used.step = step;
        if (failed) used.outcome = is_offered(call.name) ? "failure" : "denied";

        ChatMessage message;
        message.role = Role::kTool;
        message.content = output;
        message.tool_call_id = call.id;
        turn_.push_back(std::move(message));

        store::NewMessage kept;
        kept.role = "tool";
        kept.content = output;
        kept.tool_call_id = call.id;
        kept.job_id = attempt_.job().id;
        kept.step = step;
        result_.messages.push_back(std::move(kept));
    }

    [[nodiscard]] bool is_offered(const std::string& name) const {
        return std::ranges::any_of(task_.tools, [&](const auto& tool) { return tool->definition().name == name; });
    }

    /// @returns {output, failed}. What the model did wrong is told to the model, not to the job.
    asio::awaitable<json> run_tool(const std::string& step, const std::string& name, const json& arguments) {
        const auto tool =
            std::ranges::find_if(task_.tools, [&](const auto& t) { return t->definition().name == name; });
        if (tool == task_.tools.end()) co_return co_await deny(step, name);
        if (!arguments.is_object()) co_return failure("the arguments are not a JSON object");
        Attempt::StepBody body = [&](StepCall call) -> asio::awaitable<json> {
            std::string refusal;
            try {
                std::string key = call.idempotency_key;
                const std::string output = co_await (*tool)->call(scene_, arguments, std::move(key));
                co_return json{{"output", output}, {"failed", false}};
            } catch (const ToolRefusal& e) {
                refusal = e.what();
            }
            co_return failure(refusal);
        };
        StepOptions options;
        options.repeatable = (*tool)->repeat() == clients::Repeat::kSafe;
        options.settle_with_next = options.repeatable;
        json input{{"tool", name}, {"arguments", arguments}};
        co_return co_await attempt_.step(step, std::move(input), std::move(body), std::move(options));
    }

    /// A tool that is not offered here: unknown, or denied by the user's roles or the template.
    asio::awaitable<json> deny(const std::string& step, const std::string& name) {
        auto body = [&](pg::Transaction& tx) {
            attempt_.guard_in(tx);
            const std::string key = attempt_.job().id.to_string() + ":" + step;
            audit_tool(tx, scene_, name, json::object(), key, "tool.permission_deny");
        };
        co_await attempt_.transact(body);
        co_return failure(fmt::format("there is no tool \"{}\" here", name));
    }

    [[nodiscard]] static json failure(const std::string& why) {
        return {{"output", json{{"error", why}}.dump(-1, ' ', false, json::error_handler_t::replace)},
                {"failed", true}};
    }

    Attempt& attempt_;
    const AgentWorld& world_;
    const Person& person_;
    ChatTask task_;
    ToolScene scene_;
    std::vector<ChatMessage> turn_;
    std::size_t dropped_ = 0;
    std::int64_t streamed_ = 0;
    ChatResult result_;
};

std::optional<Role> read_role(std::string_view role) {
    if (role == "user") return Role::kUser;
    if (role == "assistant") return Role::kAssistant;
    if (role == "tool") return Role::kTool;
    // The system prompt is made for every turn; one in the history would speak with a stale voice.
    return std::nullopt;
}

}  // namespace

asio::awaitable<ChatResult> run_chat(Attempt& attempt, const AgentWorld& world, const Person& person, ChatTask task) {
    ChatLoop loop{attempt, world, person, std::move(task)};
    co_return co_await loop.run();
}

std::vector<ChatMessage> to_chat_messages(const std::vector<store::MessageRow>& rows) {
    std::vector<ChatMessage> messages;
    for (const auto& row : rows) {
        const auto role = read_role(row.role);
        if (!role || (messages.empty() && *role == Role::kTool)) continue;
        ChatMessage& message = messages.emplace_back();
        message.role = *role;
        message.content = row.content;
        message.tool_call_id = row.tool_call_id.value_or("");
        if (*role == Role::kAssistant) message.parts = read_parts(row.parts);
        if (!row.tool_calls) continue;
        const json calls = core::parse_foreign_json(*row.tool_calls);
        if (!calls.is_array()) continue;
        for (const auto& call : calls) {
            if (!call.is_object()) continue;
            message.tool_calls.push_back({call.value("id", ""), call.value("name", ""), call.value("arguments", "{}")});
        }
    }
    return messages;
}

}  // namespace oiab::agent
