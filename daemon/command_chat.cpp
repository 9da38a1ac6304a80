#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <nlohmann/json.hpp>
#include <random>
#include <set>

#include "daemon/chat_input.hpp"
#include "daemon/chat_screen.hpp"
#include "daemon/chat_turn.hpp"
#include "daemon/commands.hpp"
#include "daemon/database.hpp"
#include "daemon/exit_code.hpp"
#include "daemon/output.hpp"
#include "pg/transaction.hpp"
#include "queue/enqueue.hpp"
#include "store/messages.hpp"
#include "store/plans.hpp"
#include "store/sessions.hpp"
#include "store/users.hpp"

namespace oiab::daemon {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;

constexpr const char* kChannel = "tui";
/// How often a waiting prompt looks for messages that came without a notification.
constexpr auto kIdleLook = 5s;

constexpr std::string_view kHelp =
    "/orchestrate TASK   split the task up; the combined answer comes into this session\n"
    "/plan-status ID     how far that is\n"
    "/session            this session's id, for --session\n"
    "/help               this\n"
    "/quit               the end, as Ctrl-D is; Ctrl-C cancels an answer\n";

/// For a new session: nobody can guess it, and it tells nothing.
std::string random_session_id() {
    std::random_device source;
    core::Uuid id;
    for (auto& byte : id.bytes) byte = static_cast<std::uint8_t>(source());
    id.bytes[6] = static_cast<std::uint8_t>((id.bytes[6] & 0x0FU) | 0x40U);
    id.bytes[8] = static_cast<std::uint8_t>((id.bytes[8] & 0x3FU) | 0x80U);
    return id.to_string();
}

/// Who talks, and where.
struct Place {
    core::UserId user;
    std::optional<core::TenantId> tenant;
    std::string session_id;
    bool is_new = false;
};

std::optional<core::UserId> find_user(pg::Transaction& tx, const std::string& named) {
    if (named.empty()) return store::find_operator(tx);
    if (const auto id = core::UserId::parse(named)) return id;
    return store::find_user_by_handle(tx, named);
}

/// Finds the session, or makes one. @throws std::runtime_error with one sentence
Place enter(pg::Transaction& tx, const ChatCommand& command) {
    std::optional<store::SessionRow> session;
    if (!command.session_id.empty()) session = store::find_session(tx, command.session_id);
    std::optional<core::UserId> user;
    if (command.user.empty() && session) user = session->user_id;
    else user = find_user(tx, command.user);
    const auto known = user ? store::find_user(tx, *user) : std::nullopt;
    if (!known) {
        throw std::runtime_error{
            command.user.empty()
                ? "name the user with --user: there is no single operator (one active user without a tenant)"
                : fmt::format("there is no user \"{}\"", command.user)};
    }
    if (session && session->user_id != known->id)
        throw std::runtime_error{fmt::format("session {} belongs to somebody else", command.session_id)};
    Place place{known->id, known->tenant_id, command.session_id, !session};
    if (session) return place;
    if (place.session_id.empty()) place.session_id = random_session_id();
    store::NewSession made;
    made.session_id = place.session_id;
    made.user_id = place.user;
    made.tenant_id = place.tenant;
    made.channel = kChannel;
    if (!command.template_slug.empty()) made.template_slug = command.template_slug;
    store::ensure_session(tx, made);
    return place;
}

class Conversation {
public:
    Conversation(pg::Session& session, ChatScreen& screen, Form form, Place place)
        : session_{session}, screen_{screen}, form_{form}, place_{std::move(place)} {}

    /// What was said before, and what is being answered right now.
    void catch_up(int history) {
        channel_.listen(session_);
        const auto messages = pg::in_transaction(
            session_, [&](pg::Transaction& tx) { return store::load_messages(tx, place_.session_id); });
        const auto all = messages.size();
        for (std::size_t i = 0; i < all; ++i) {
            seen_ = messages[i].seq;
            if (i + static_cast<std::size_t>(history) >= all) show(messages[i]);
        }
        const auto open = pg::in_transaction(session_, [&](pg::Transaction& tx) {
            return queue::load_open_jobs_of_lane(tx, "session:" + place_.session_id);
        });
        for (const auto& job : open) (void)follow(job.kind, job.id, 0);
    }

    TurnEnd say(const std::string& text) {
        core::NewJob job;
        job.kind = "agent-turn";
        job.payload = dump({{"userId", place_.user.to_string()},
                            {"sessionId", place_.session_id},
                            {"text", text},
                            {"channel", kChannel}});
        return follow(job.kind, enqueue(std::move(job)), 0);
    }

    TurnEnd follow(const std::string& kind, core::JobId job, std::int64_t from) {
        own_jobs_.insert(job);
        screen_.began(kind, job);
        ChatTurn turn{session_, channel_, screen_, place_.session_id, job, from};
        return turn.follow();
    }

    /// Until the input ends.
    void talk() {
        LineReader reader;
        bool prompted = false;
        for (;;) {
            channel_.listen(session_);
            if (!prompted) screen_.prompt();
            prompted = true;
            switch (reader.wait(session_, channel_, kIdleLook)) {
                case LineReader::Event::kEnd: return;
                case LineReader::Event::kNews: prompted = !show_news(); break;
                case LineReader::Event::kLine:
                    if (!obey(reader.line())) return;
                    prompted = false;
                    break;
            }
        }
    }

private:
    static std::string dump(const json& value) { return value.dump(-1, ' ', false, json::error_handler_t::replace); }

    core::JobId enqueue(core::NewJob job) {
        job.user_id = place_.user;
        job.tenant_id = place_.tenant;
        return pg::in_transaction(session_, [&](pg::Transaction& tx) { return queue::enqueue(tx, job); }).id;
    }

    void show(const store::MessageRow& message) {
        if (message.role == "tool" || message.content.empty()) return;
        screen_.message(message.role, message.content);
    }

    /// Messages that others brought into the session: another channel, or the answer of a plan. @returns whether any.
    bool show_news() {
        const auto messages = pg::in_transaction(
            session_, [&](pg::Transaction& tx) { return store::load_messages(tx, place_.session_id, 100); });
        bool any = false;
        for (const auto& message : messages) {
            if (message.seq <= seen_) continue;
            seen_ = message.seq;
            if (message.job_id && own_jobs_.contains(*message.job_id)) continue;
            show(message);
            any = true;
        }
        return any;
    }

    /// @returns false at the end.
    bool obey(const std::string& line) {
        const auto first = line.find_first_not_of(" \t");
        if (first == std::string::npos) return true;
        const auto text = line.substr(first, line.find_last_not_of(" \t") - first + 1);
        if (text.front() != '/') {
            (void)say(text);
            return true;
        }
        const auto space = text.find(' ');
        const auto command = text.substr(0, space);
        const auto argument = space == std::string::npos ? "" : text.substr(text.find_first_not_of(' ', space));
        if (command == "/quit" || command == "/exit") return false;
        if (command == "/session") screen_.note("session " + place_.session_id);
        else if (command == "/orchestrate") orchestrate(argument);
        else if (command == "/plan-status") tell_plan(argument);
        else if (command == "/help") help();
        else screen_.note(fmt::format("there is no command {}; /help lists them", harmless(command)));
        return true;
    }

    void help() {
        if (form_ == Form::kJson) screen_.note(kHelp);
        else print(kHelp);
    }

    void orchestrate(const std::string& task) {
        if (task.empty()) return screen_.note("say what is to be done: /orchestrate TASK");
        core::NewJob job;
        job.kind = "orchestrator-plan";
        job.payload = dump(
            {{"userId", place_.user.to_string()}, {"parentSessionId", place_.session_id}, {"taskDescription", task}});
        // A plan that is given no id takes that of its job.
        const auto plan = enqueue(std::move(job));
        screen_.note(fmt::format("plan {}; its answer will come into this session, /plan-status tells how far it is",
                                 plan.to_string()));
    }

    void tell_plan(const std::string& text) {
        const auto id = core::PlanId::parse(text);
        if (!id) return screen_.note("say which plan: /plan-status ID");
        std::vector<store::SubtaskRow> subtasks;
        const auto plan = pg::in_transaction(session_, [&](pg::Transaction& tx) {
            auto found = store::find_plan(tx, *id);
            if (found) subtasks = store::load_subtasks(tx, *id);
            return found;
        });
        if (!plan || plan->user_id != place_.user) return screen_.note("there is no such plan (yet)");
        screen_.note(fmt::format("plan {}: {}{}", id->to_string(), store::to_string(plan->status),
                                 plan->error.empty() ? "" : ": " + harmless(plan->error)));
        for (const auto& subtask : subtasks)
            screen_.note(fmt::format("{} {}: {}{}", subtask.index, store::to_string(subtask.status),
                                     cut(subtask.description, 80),
                                     subtask.error.empty() ? "" : " (" + cut(subtask.error, 80) + ")"));
    }

    pg::Session& session_;
    ChatScreen& screen_;
    const Form form_;
    const Place place_;
    pg::Channel channel_{"oiab_sessions"};
    std::int64_t seen_ = 0;
    std::set<core::JobId> own_jobs_;
};

int exit_code_of(TurnEnd end) {
    switch (end) {
        case TurnEnd::kCompleted: return kExitDone;
        case TurnEnd::kFailed: return kExitFailed;
        case TurnEnd::kGone: return kExitNothing;
        case TurnEnd::kLeft: break;
    }
    return kExitPending;
}

}  // namespace

int run(const Context& context, const ChatCommand& command) {
    const bool is_terminal = ::isatty(STDIN_FILENO) == 1 && ::isatty(STDOUT_FILENO) == 1;
    const auto screen = make_chat_screen(context.form, is_terminal && !command.message);
    pg::Session session{session_settings(context.settings, "chat")};
    const auto place = pg::in_transaction(session, [&](pg::Transaction& tx) { return enter(tx, command); });
    screen->session(place.session_id, place.is_new);
    Conversation conversation{session, *screen, context.form, place};
    if (command.job) return exit_code_of(conversation.follow("agent-turn", *command.job, command.from));
    if (command.message) return exit_code_of(conversation.say(*command.message));
    conversation.catch_up(command.history);
    conversation.talk();
    return kExitDone;
}

}  // namespace oiab::daemon
