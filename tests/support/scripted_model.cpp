#include "support/scripted_model.hpp"

#include <algorithm>

namespace oiab::tests {
namespace {

using nlohmann::json;

/// Tool results behind the last message of the user.
std::size_t results_since_prompt(const json& messages) {
    std::size_t count = 0;
    for (const auto& message : messages) {
        const std::string role = message.value("role", "");
        if (role == "user") count = 0;
        if (role == "tool") ++count;
    }
    return count;
}

std::string last_prompt(const json& messages) {
    std::string prompt;
    for (const auto& message : messages) {
        if (message.value("role", "") == "user") prompt = message.at("content").dump();
    }
    return prompt;
}

void send(ServedConnection& connection, const std::string& model, json delta, json finish = nullptr) {
    json piece{{"id", "scripted"}, {"object", "chat.completion.chunk"}, {"created", 1}, {"model", model}};
    const bool last = !finish.is_null();
    piece["choices"] = json::array({{{"index", 0}, {"delta", std::move(delta)}, {"finish_reason", std::move(finish)}}});
    if (last) {
        piece["usage"] = {{"prompt_tokens", ScriptedModel::kInputTokens},
                          {"completion_tokens", ScriptedModel::kOutputTokens},
                          {"total_tokens", ScriptedModel::kInputTokens + ScriptedModel::kOutputTokens}};
    }
    connection.chunk("data: " + piece.dump() + "\n\n");
}

}  // namespace

ScriptedModel::ScriptedModel(std::vector<ScriptedAnswer> answers)
    : answers_{std::move(answers)},
      server_{[this](ServedConnection& connection, const ServedRequest& request) { serve(connection, request); }} {}

std::size_t ScriptedModel::calls() const {
    const std::scoped_lock lock{mutex_};
    return requests_.size();
}

std::vector<json> ScriptedModel::requests() const {
    const std::scoped_lock lock{mutex_};
    return requests_;
}

void ScriptedModel::reset(std::vector<ScriptedAnswer> answers) {
    const std::scoped_lock lock{mutex_};
    answers_ = std::move(answers);
    by_prompt_.clear();
    requests_.clear();
    holds_.clear();
    held_ = false;
    refusals_ = 0;
    ++releases_;
    changed_.notify_all();
}

void ScriptedModel::script(std::string part, std::vector<ScriptedAnswer> answers) {
    const std::scoped_lock lock{mutex_};
    by_prompt_[std::move(part)] = std::move(answers);
}

const std::vector<ScriptedAnswer>& ScriptedModel::answers_to(const json& messages) const {
    const std::string prompt = last_prompt(messages);
    for (const auto& [part, answers] : by_prompt_) {
        if (prompt.find(part) != std::string::npos) return answers;
    }
    return answers_;
}

void ScriptedModel::refuse(int status, int times, ServedConnection::Headers headers) {
    const std::scoped_lock lock{mutex_};
    refusal_status_ = status;
    refusals_ = times;
    refusal_headers_ = std::move(headers);
}

void ScriptedModel::hold(std::size_t answer, Moment moment) {
    const std::scoped_lock lock{mutex_};
    ++holds_[{answer, moment}];
}

bool ScriptedModel::wait_until_held(std::chrono::milliseconds bound) {
    std::unique_lock lock{mutex_};
    return changed_.wait_for(lock, bound, [this] { return held_; });
}

void ScriptedModel::release() {
    const std::scoped_lock lock{mutex_};
    held_ = false;
    ++releases_;
    changed_.notify_all();
}

void ScriptedModel::stand_still(std::size_t answer, Moment moment) {
    std::unique_lock lock{mutex_};
    const auto found = holds_.find({answer, moment});
    if (found == holds_.end() || found->second == 0) return;
    --found->second;
    held_ = true;
    changed_.notify_all();
    const auto before = releases_;
    // Bounded, so that a test that fails does not hang.
    changed_.wait_for(lock, std::chrono::seconds{120}, [&] { return releases_ != before; });
}

void ScriptedModel::serve(ServedConnection& connection, const ServedRequest& request) {
    if (request.method != "POST") return connection.respond_json(200, R"({"data": []})");
    const json body = json::parse(request.body);
    ScriptedAnswer scripted;
    std::size_t index = 0;
    int refusal = 0;
    ServedConnection::Headers headers;
    {
        const std::scoped_lock lock{mutex_};
        requests_.push_back(body);
        if (refusals_ > 0) {
            --refusals_;
            refusal = refusal_status_;
            headers = refusal_headers_;
        }
        const auto& answers = answers_to(body.at("messages"));
        index = std::min(results_since_prompt(body.at("messages")), answers.size() - 1);
        scripted = answers.at(index);
    }
    if (refusal != 0) return connection.respond_json(refusal, R"({"error": {"message": "scripted refusal"}})", headers);
    answer(connection, body.value("model", ""), index, scripted);
}

void ScriptedModel::answer(ServedConnection& connection, const std::string& model, std::size_t index,
                           const ScriptedAnswer& scripted) {
    stand_still(index, Moment::kBeforeFirstToken);
    connection.begin_chunked(200, {{"Content-Type", "text/event-stream"}});
    send(connection, model, {{"role", "assistant"}, {"content", ""}});
    for (std::size_t i = 0; i < scripted.words.size(); ++i) {
        send(connection, model, {{"content", scripted.words[i]}});
        if (i == 0 && scripted.tool.empty()) stand_still(index, Moment::kBetweenTokens);
    }
    if (!scripted.tool.empty()) {
        json call{{"index", 0}, {"id", "call_" + std::to_string(index)}, {"type", "function"}};
        call["function"] = {{"name", scripted.tool}, {"arguments", scripted.arguments.dump()}};
        send(connection, model, {{"tool_calls", json::array({std::move(call)})}});
        stand_still(index, Moment::kBetweenTokens);
    }
    stand_still(index, Moment::kBeforeEnd);
    send(connection, model, json::object(), scripted.tool.empty() ? "stop" : "tool_calls");
    connection.chunk("data: [DONE]\n\n");
    connection.end_chunks();
}

}  // namespace oiab::tests
