#pragma once
/// @file  A conversation without a network or a model, by rules. For the first run, tests and air-gapped trials.
/// Deterministic; any number of coroutines at once.
///
/// It understands, in this order:
///  - a planner's prompt (a system message that speaks of a "JSON array" and "dependencies"): a plan, see offline_plan;
///  - a prompt to review a finished turn or to write a skill: see offline_learning;
///  - the result of a tool that it called: an answer that tells it;
///  - "remember that …", "search your memory for …", "plan: …", "use the skill …", where the request offers the tools
///    memory_add, memory_search, plan_tasks and use_skill: a call of the tool;
///  - "Synthesize …" with "Subtask N: …" and "Result:" or "Failed:" beneath: the parts put together;
///  - a system message that speaks of "work on one subtask": its result, naming the earlier results it builds on;
///  - anything else: what the <memory-context> of the system messages and the earlier messages of the user say about
///  it.

#include "clients/chat.hpp"

namespace oiab::clients {

class OfflineChat final : public ChatModel {
public:
    /// Never fails. Every answer names itself as offline by its model.
    [[nodiscard]] asio::awaitable<std::expected<ChatAnswer, ModelError>> complete(ChatRequest request,
                                                                                  OnDelta on_delta) override;
    [[nodiscard]] std::string_view runtime() const noexcept override { return "offline"; }
};

}  // namespace oiab::clients
