// What a look at a turn in opencode sees, and what of it is still to be charged.
#include "agent/opencode_call.hpp"
#include "agent/opencode_conduct.hpp"
#include "agent/opencode_place.hpp"

namespace oiab::agent {

namespace asio = boost::asio;
using clients::OpencodeMessage;

/// Status before messages: what was idle then, and is unfinished afterwards, is not being worked on, unless it has
/// begun in between.
asio::awaitable<void> OpencodeConduct::look() {
    auto ask_status = [this] { return runtime_.client->status(place_.session, place_.directory); };
    status_ = co_await insist(attempt_, runtime_, ask_status);
    co_await look_at_messages();
    stream_.add(text_.take_view(view_));
}

asio::awaitable<void> OpencodeConduct::look_at_messages() {
    const std::string prompt = opencode_message_id(attempt_.job().id);
    for (;;) {
        auto newest = co_await ask_messages(place_.session, own_.limit());
        const bool is_first = own_.is_empty();
        if (own_.take(std::move(newest), prompt)) break;
        // A long conversation is not read through for a prompt that it does not hold.
        if (!is_first) continue;
        const bool is_there = co_await knows(prompt);
        if (is_there) continue;
        own_.accept();
        break;
    }
    view_ = view_opencode_turn(own_.messages(), prompt);
    co_await look_at_children();
}

asio::awaitable<bool> OpencodeConduct::knows(std::string message) {
    auto ask = [&] { return runtime_.client->has_message(place_.session, message, place_.directory); };
    if (!is_ending_) co_return co_await insist(attempt_, runtime_, ask);
    const auto answer = co_await ask();
    co_return !answer || *answer;
}

asio::awaitable<std::vector<OpencodeMessage>> OpencodeConduct::ask_messages(std::string session, int limit) {
    auto ask = [&] { return runtime_.client->messages(session, place_.directory, limit); };
    if (!is_ending_) co_return co_await insist(attempt_, runtime_, ask);
    auto answer = co_await ask();
    if (!answer) end_attempt_for(answer.error());
    co_return std::move(*answer);
}

/// Subagents that have ended are not asked for again.
asio::awaitable<void> OpencodeConduct::look_at_children() {
    struct Calls {
        int ended = 0;
        int running = 0;
    };
    std::map<std::string, Calls> calls;
    for (const auto& answer : view_.answers) {
        for (const auto& part : answer.parts) {
            if (part.child_session.empty()) continue;
            const bool has_ended = part.status == clients::OpencodeToolStatus::kCompleted ||
                                   part.status == clients::OpencodeToolStatus::kError;
            ++(has_ended ? calls[part.child_session].ended : calls[part.child_session].running);
        }
    }
    for (const auto& [session, count] : calls) {
        sessions_.insert(session);
        OpencodeChild& child = children_[session];
        if (count.running == 0 && count.ended == child.calls_read) continue;
        for (;;) {
            auto newest = co_await ask_messages(session, child.transcript.limit());
            if (child.transcript.take(std::move(newest), {})) break;
        }
        child.calls_read = count.running == 0 ? count.ended : 0;
    }
}

std::vector<OpencodeCall> OpencodeConduct::uncharged(LostCalls lost) const {
    auto calls = list_opencode_calls(view_.answers, attempt_.job().id.to_string(), lost);
    for (const auto& [session, child] : children_) {
        for (auto& call : list_opencode_calls(child.transcript.messages(), session, lost))
            calls.push_back(std::move(call));
    }
    std::erase_if(calls, [this](const OpencodeCall& call) { return charged_.contains(call.request_id); });
    return calls;
}

void OpencodeConduct::note(const std::vector<OpencodeCall>& calls, const OpencodeSum& sum) {
    for (const auto& call : calls) charged_.insert(call.request_id);
    of_others_.insert(sum.of_others.begin(), sum.of_others.end());
    sum_.cost_usd += sum.cost_usd;
    sum_.tokens.input += sum.tokens.input;
    sum_.tokens.output += sum.tokens.output;
    sum_.tokens.cache_read += sum.tokens.cache_read;
    sum_.tokens.cache_write += sum.tokens.cache_write;
}

std::size_t OpencodeConduct::count_child_calls() const {
    std::size_t count = 0;
    for (const auto& [session, child] : children_) {
        for (const auto& message : child.transcript.messages()) {
            if (message.role == "assistant" && !of_others_.contains(session + ":" + message.id)) ++count;
        }
    }
    return count;
}

}  // namespace oiab::agent
