#include "agent/opencode_conduct.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <nlohmann/json.hpp>

#include "agent/opencode_call.hpp"
#include "agent/opencode_place.hpp"
#include "agent/opencode_rules.hpp"
#include "agent/tokens.hpp"
#include "clients/opencode_read.hpp"
#include "clients/provider.hpp"

namespace oiab::agent {
namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;
using clients::OpencodeActivity;
using clients::OpencodeEvent;
using clients::OpencodePartKind;
using nlohmann::json;

/// The first post of an attempt, and one more where opencode stopped in the middle.
constexpr int kMostPosts = 2;
/// Nothing is decided upon one look: a turn may begin between its two questions.
constexpr int kSureAfterLooks = 2;
constexpr std::chrono::milliseconds kBetweenLooks = 250ms;
constexpr std::chrono::milliseconds kForEvents = 10s;
/// Posting the same again does no harm.
constexpr std::chrono::milliseconds kSilenceAfterGap = 2s;
/// Of a conversation that opencode does not know, told along with the prompt.
constexpr std::int64_t kMostHistoryTokens = 8000;

const json& member(const json& object, const char* name) {
    static const json kNothing = json::object();
    const auto found = object.find(name);
    return found == object.end() || !found->is_object() ? kNothing : *found;
}

}  // namespace

OpencodeConduct::OpencodeConduct(Attempt& attempt, const OpencodeRuntime& runtime, const Person& person,
                                 const OpencodePlace& place, const std::vector<clients::OpencodeRule>& rules,
                                 const ChatTask& task, AnswerStream& stream, const asio::any_io_executor& executor)
    : attempt_{attempt},
      runtime_{runtime},
      person_{person},
      place_{place},
      rules_{rules},
      task_{task},
      stream_{stream},
      follower_{*runtime.client, place.directory, executor,
                [this](const OpencodeEvent& event) { return take_event(event); },
                [this] {
                    text_.forget_open_parts();
                    asked_ = true;
                    // A prompt of which nothing was seen yet may have gone down with whoever took it.
                    if (posts_ > 0 && !alive_) silence_ = silence_.or_earlier(core::Deadline::after(kSilenceAfterGap));
                }},
      sessions_{place.session} {}

asio::awaitable<void> OpencodeConduct::run() {
    // Words that are spoken before the events are open are read later; opening them first only makes them come sooner.
    co_await begin();
    bool over = false;
    while (!over) {
        co_await look();
        co_await charge();
        // What looks like an answer is none where opencode goes on: it may shorten the conversation and ask again.
        const bool goes_on = status_.activity != OpencodeActivity::kIdle && view_.is_last;
        over = view_.state == OpencodeState::kAnswered && !goes_on;
        if (!over) over = co_await go_on();
    }
}

asio::awaitable<void> OpencodeConduct::begin() {
    const std::chrono::milliseconds longest = kForEvents;
    co_await follower_.wait_for_news(longest);
}

asio::awaitable<bool> OpencodeConduct::go_on() {
    if (status_.activity == OpencodeActivity::kIdle) co_return co_await while_idle();
    co_await while_working();
    co_return false;
}

/// Charges what has ended since, and ends a turn beyond its budget before its next call.
asio::awaitable<void> OpencodeConduct::charge() {
    const auto calls = uncharged(LostCalls::kLeaveOut);
    if (calls.empty()) co_return;
    OpencodeSum sum;
    auto body = [&](pg::Transaction& tx) {
        attempt_.guard_in(tx);
        sum = charge_opencode_calls(tx, person_, attempt_.job().id, task_.session_id, task_.purpose, calls);
        return load_budget(tx, payer_of(person_), attempt_.job().id).refusal();
    };
    const auto refusal = co_await attempt_.transact(body);
    note(calls, sum);
    if (!refusal || view_.state == OpencodeState::kAnswered) co_return;
    co_await abort();
    throw EndAttempt{core::failed(core::FailureReason::kBudget, *refusal)};
}

asio::awaitable<void> OpencodeConduct::while_working() {
    attempt_.heartbeat();  // a tool may be silent for as long as it likes; opencode has just said that it works
    alive_ = true;
    idle_looks_ = 0;
    if (status_.activity == OpencodeActivity::kRetry) {
        const auto now =
            std::chrono::duration_cast<std::chrono::milliseconds>(runtime_.clock->wall_now().time_since_epoch());
        const auto wait = std::max(status_.next_at - now, std::chrono::milliseconds{0});
        if (wait > attempt_.deadline().left()) {
            co_await abort();
            throw EndAttempt{core::retry_not_before(
                "opencode waits for its provider longer than this attempt may take: " + status_.message, wait)};
        }
    }
    co_await answer_requests();
    co_await follower_.wait_for_news(runtime_.poll);
    asked_ = true;  // also where no event told of a request: one may have been missed
}

/// @returns whether the turn is over after all.
asio::awaitable<bool> OpencodeConduct::while_idle() {
    if (may_still_begin()) {
        co_await follower_.wait_for_news(kBetweenLooks);
        co_return false;
    }
    const bool begun_before = posts_ == 0;
    if (!begun_before && error_) end_attempt_for(*error_);
    if (!begun_before && alive_ && view_.state == OpencodeState::kFailed) end_attempt_for(*view_.answers.back().error);
    if (view_.state != OpencodeState::kAbsent && ++idle_looks_ < kSureAfterLooks) {
        // Not for news: an event would make the second look come at the instant of the first.
        asio::steady_timer timer{co_await asio::this_coro::executor, kBetweenLooks};
        co_await timer.async_wait(asio::use_awaitable);
        co_return false;
    }
    if (view_.may_be_answered && !begun_before) co_return true;
    if (!view_.running_tools.empty()) {
        throw EndAttempt{
            core::failed(core::FailureReason::kEffectUnknown,
                         fmt::format("opencode stopped while these tools ran, and nobody knows how far they came: {}",
                                     fmt::join(view_.running_tools, ", ")))};
    }
    if (posts_ >= kMostPosts) throw EndAttempt{core::retry("opencode stopped in the middle of the turn")};
    co_await post();
    co_return false;
}

bool OpencodeConduct::may_still_begin() const { return posts_ > 0 && !alive_ && !error_ && !silence_.reached(); }

/// Only what is posted costs: what stands there already is harvested, whatever is left.
asio::awaitable<void> OpencodeConduct::require_budget() {
    if (!person_.is_limited) co_return;
    auto body = [this](pg::Transaction& tx) { return load_budget(tx, payer_of(person_), attempt_.job().id).refusal(); };
    const auto refusal = co_await attempt_.transact(body);
    if (refusal) throw EndAttempt{core::failed(core::FailureReason::kBudget, *refusal)};
}

asio::awaitable<void> OpencodeConduct::post() {
    co_await require_budget();
    clients::OpencodePrompt prompt;
    prompt.session_id = place_.session;
    prompt.message_id = opencode_message_id(attempt_.job().id);
    prompt.part_id = opencode_part_id(attempt_.job().id);
    prompt.provider = place_.model.provider;
    prompt.model = place_.model.model;
    prompt.system = system_prompt();
    prompt.text = task_.prompt;
    if (view_.state != OpencodeState::kAbsent) {
        attempt_.log(LogLevel::kInfo,
                     "the turn stands unfinished in opencode and no tool runs: the same prompt goes on");
    }
    ++posts_;
    alive_ = false;
    error_.reset();
    idle_looks_ = 0;
    silence_ = core::Deadline::after(runtime_.silence);
    const auto taken = co_await runtime_.client->prompt(std::move(prompt), place_.directory);
    // Where no answer came it may still have arrived; the next look tells.
    if (!taken && taken.error().kind != clients::OpencodeTrouble::kUnreachable) end_attempt_for(taken.error());
}

/// A session that is new to opencode though it is none to us is told what was said before.
std::string OpencodeConduct::system_prompt() const {
    std::string text = task_.system_prompt;
    if (!view_.is_alone || task_.history.empty()) return text;
    std::string told;
    std::int64_t tokens = 0;
    for (auto message = task_.history.rbegin(); message != task_.history.rend(); ++message) {
        if (message->content.empty() || message->role == clients::Role::kTool) continue;
        tokens += estimate_tokens(message->content);
        if (tokens > kMostHistoryTokens) break;
        told.insert(0, fmt::format("\n\n{}: {}", clients::to_string(message->role), message->content));
    }
    return told.empty() ? text : text + "\n\n<conversation-so-far>" + told + "\n</conversation-so-far>";
}

asio::awaitable<void> OpencodeConduct::answer_requests() {
    if (!asked_) co_return;
    asked_ = false;
    auto ask = [this] { return runtime_.client->permissions(place_.directory); };
    const auto permissions = co_await insist(attempt_, runtime_, ask);
    for (const auto& request : permissions) {
        const bool ours = co_await is_ours(request.session_id);
        if (ours) co_await answer(request);
    }
    auto ask_questions = [this] { return runtime_.client->questions(place_.directory); };
    const auto questions = co_await insist(attempt_, runtime_, ask_questions);
    for (const auto& question : questions) {
        const bool ours = co_await is_ours(question.session_id);
        if (!ours) continue;
        const auto answered = co_await runtime_.client->reject_question(question.id, place_.directory);
        static_cast<void>(answered);  // one that is gone meanwhile needs no answer
    }
}

asio::awaitable<void> OpencodeConduct::answer(clients::OpencodeRequest request) {
    const bool allowed = rules_allow(rules_, request.permission);
    attempt_.log(LogLevel::kInfo,
                 fmt::format("opencode asks for {}: {}", request.permission, allowed ? "allowed" : "denied"));
    std::string reason = "The user's roles do not allow this.";
    auto reply = [&] {
        if (allowed) return runtime_.client->allow_once(request.id, place_.directory);
        return runtime_.client->reject(request.id, place_.directory, reason);
    };
    const auto answered = co_await reply();
    static_cast<void>(answered);  // one that is gone meanwhile needs no answer
}

asio::awaitable<bool> OpencodeConduct::is_ours(std::string session) {
    if (sessions_.contains(session)) co_return true;
    const auto found = co_await runtime_.client->find_session(session, place_.directory);
    if (!found || !sessions_.contains(found->parent_id)) co_return false;
    sessions_.insert(session);
    co_return true;
}

bool OpencodeConduct::take_event(const OpencodeEvent& event) {
    if (event.type == "permission.asked" || event.type == "question.asked") {
        asked_ = true;
        return true;
    }
    if (!sessions_.contains(event.session_id)) return false;
    attempt_.heartbeat();
    if (event.session_id != place_.session) return event.type == "message.updated";
    if (event.type == "message.part.delta") {
        alive_ = true;
        stream_.add(text_.take_delta(clients::text_member(event.properties, "partID"),
                                     clients::text_member(event.properties, "delta")));
        return false;
    }
    if (event.type == "message.part.updated") {
        const auto part = clients::read_opencode_part(member(event.properties, "part"));
        if (!summaries_.contains(part.message_id)) stream_.add(text_.take_part(part));
        return part.kind == OpencodePartKind::kStepFinish;
    }
    if (event.type == "message.updated") {
        const json& info = member(event.properties, "info");
        const bool answers = clients::text_member(info, "role") == "assistant";
        if (answers) {
            alive_ = true;
            const auto told = clients::read_opencode_message(json{{"info", info}});
            if (told && told->summary) summaries_.insert(told->id);
            // It goes on after what went wrong, with a shorter conversation say.
            if (told && !told->error) error_.reset();
        }
        return answers && member(info, "time").contains("completed");
    }
    if (event.type == "session.error") {
        const auto told = clients::read_opencode_message(
            json{{"info", {{"id", "-"}, {"role", "-"}, {"error", member(event.properties, "error")}}}});
        if (posts_ > 0 && told && told->error) error_ = told->error;
        return true;
    }
    if (event.type == "session.idle" && posts_ > 0) alive_ = true;
    return event.type == "session.idle" || event.type == "session.status";
}

asio::awaitable<void> OpencodeConduct::abort() {
    static_cast<void>(co_await runtime_.client->abort(place_.session, place_.directory));
}

asio::awaitable<void> OpencodeConduct::charge_lost() {
    is_ending_ = true;
    std::string trouble;
    try {
        co_await look_at_messages();
    } catch (const std::exception&) {  // then what was seen before has to do
    }
    try {
        const auto calls = uncharged(LostCalls::kEstimate);
        OpencodeSum sum;
        auto body = [&](pg::Transaction& tx) {
            attempt_.guard_in(tx);
            sum = charge_opencode_calls(tx, person_, attempt_.job().id, task_.session_id, task_.purpose, calls);
        };
        if (!calls.empty()) co_await attempt_.transact(body);
        note(calls, sum);
    } catch (const std::exception& e) {
        trouble = e.what();
    }
    if (!trouble.empty())
        attempt_.log(LogLevel::kWarning, "what the turn has cost by its end is not on record: " + trouble);
}

asio::awaitable<OpencodeHarvest> OpencodeConduct::harvest() {
    const auto calls = uncharged(LostCalls::kEstimate);
    OpencodeSum sum;
    auto body = [&](pg::Transaction& tx) {
        attempt_.guard_in(tx);
        sum = charge_opencode_calls(tx, person_, attempt_.job().id, task_.session_id, task_.purpose, calls);
        stream_.rest().write(tx);
    };
    co_await attempt_.transact(body);
    note(calls, sum);
    auto harvest = harvest_opencode_turn(view_, count_child_calls(), attempt_.job().id);
    harvest.result.tokens = sum_.tokens;
    harvest.result.cost_usd = sum_.cost_usd;
    co_return harvest;
}

}  // namespace oiab::agent
