#include "daemon/chat_screen.hpp"

#include <fmt/format.h>

#include <cstdio>
#include <nlohmann/json.hpp>

#include "daemon/output.hpp"

namespace oiab::daemon {
namespace {

using nlohmann::json;

/// The text of a turn's result; empty where it has none.
std::string answer_of(const queue::JobView& job) {
    if (!job.result) return {};
    const auto result = json_of(*job.result);
    if (!result.is_object()) return {};
    const auto text = result.find("text");
    return text != result.end() && text->is_string() ? text->get<std::string>() : std::string{};
}

std::string failure_of(const queue::JobView& job) {
    return fmt::format("failed ({}): {}", job.failure_reason.value_or("error"),
                       harmless(job.last_error.value_or("no error was recorded")));
}

class TextScreen final : public ChatScreen {
public:
    explicit TextScreen(bool is_terminal) : is_terminal_{is_terminal} {}

    void session(const std::string& session_id, bool is_new) override {
        if (is_new || is_terminal_) remark(fmt::format("session {}{}", harmless(session_id), is_new ? " (new)" : ""));
        if (is_terminal_) remark("/help lists the commands; end with Ctrl-D");
    }
    void message(const std::string& role, const std::string& text) override {
        fresh_line();
        write(fmt::format("{}> {}\n", role == "user" ? "you" : "agent", harmless_lines(text)));
    }
    void began(const std::string&, core::JobId) override {}
    void delta(core::JobId, std::int64_t, std::string_view text) override { write(harmless_lines(text)); }
    void again(core::JobId) override {
        fresh_line();
        remark("the attempt was cut off; the answer is written anew");
    }
    void note(std::string_view sentence) override {
        fresh_line();
        remark(sentence);
    }
    void ended(const queue::JobView& job, const std::string* shown) override {
        const auto answer = answer_of(job);
        // Streaming is a courtesy of the turn; what counts is its result.
        if (shown != nullptr && !answer.empty() && !shown->ends_with(answer)) {
            fresh_line();
            write(harmless_lines(answer));
        }
        fresh_line();
        if (job.status == core::Status::kFailed) remark(failure_of(job));
    }
    void prompt() override {
        if (!is_terminal_) return;
        fresh_line();
        write("> ");
        at_line_start_ = true;  // what is typed ends the line
    }

private:
    void write(std::string_view text) {
        if (text.empty()) return;
        print(text);
        std::fflush(stdout);
        at_line_start_ = text.back() == '\n';
    }
    void fresh_line() {
        if (!at_line_start_) write("\n");
    }
    /// About the conversation rather than of it: on stderr where the answer may go to a file.
    void remark(std::string_view sentence) {
        const auto line = fmt::format("[{}]\n", sentence);
        if (is_terminal_) write(line);
        else std::fwrite(line.data(), 1, line.size(), stderr);
    }

    bool is_terminal_;
    bool at_line_start_ = true;
};

class JsonScreen final : public ChatScreen {
public:
    void session(const std::string& session_id, bool is_new) override {
        write({{"event", "session"}, {"sessionId", session_id}, {"new", is_new}});
    }
    void message(const std::string& role, const std::string& text) override {
        write({{"event", "message"}, {"role", role}, {"text", text}});
    }
    void began(const std::string& kind, core::JobId job) override {
        write({{"event", "began"}, {"kind", kind}, {"jobId", job.to_string()}});
    }
    void delta(core::JobId job, std::int64_t position, std::string_view text) override {
        write({{"event", "delta"},
               {"jobId", job.to_string()},
               {"position", position},
               {"next", position + static_cast<std::int64_t>(text.size())},
               {"text", text}});
    }
    void again(core::JobId job) override { write({{"event", "again"}, {"jobId", job.to_string()}}); }
    void note(std::string_view sentence) override { write({{"event", "note"}, {"text", sentence}}); }
    void ended(const queue::JobView& job, const std::string*) override {
        json event{{"event", "ended"}, {"jobId", job.id.to_string()}, {"status", core::to_string(job.status)}};
        if (job.result) event["result"] = json_of(*job.result);
        if (job.failure_reason) event["reason"] = *job.failure_reason;
        if (job.last_error) event["error"] = *job.last_error;
        write(event);
    }
    void prompt() override {}

private:
    static void write(const json& event) {
        print_json(event);
        std::fflush(stdout);
    }
};

}  // namespace

std::unique_ptr<ChatScreen> make_chat_screen(Form form, bool is_terminal) {
    if (form == Form::kJson) return std::make_unique<JsonScreen>();
    return std::make_unique<TextScreen>(is_terminal);
}

std::string harmless_lines(std::string_view text) {
    std::string result;
    result.reserve(text.size());
    std::size_t from = 0;
    for (std::size_t at = 0; at <= text.size(); ++at) {
        if (at < text.size() && text[at] != '\n' && text[at] != '\t') continue;
        result += harmless(text.substr(from, at - from));
        if (at < text.size()) result += text[at];
        from = at + 1;
    }
    return result;
}

}  // namespace oiab::daemon
