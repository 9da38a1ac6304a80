#pragma once
/// @file  What surrounds the chat loop: opening a turn (who, where, with which model, what is remembered) and keeping
/// what came of it. For the handlers of turns, subtasks, plans and syntheses.

#include <boost/asio/awaitable.hpp>
#include <optional>
#include <string>
#include <vector>

#include "agent/chat_loop.hpp"
#include "agent/prompts.hpp"
#include "agent/provider_choice.hpp"

namespace oiab::agent {

/// Found in one transaction at the start of an attempt.
struct Scene {
    Person person;
    store::SessionRow session;
    ModelChoice model;
    ProviderRows providers;  ///< those that the person may use
    std::string runtime;     ///< that is to work on the turn; empty where the kind of job knows only one
    std::vector<SkillLine> skills;
    std::vector<clients::ChatMessage> history;
    std::int64_t history_through = 0;
};

/// Loads person, session and model choice, and checks that the budget is not used up. Lane threads only.
/// @throws EndAttempt (failed), naming what is missing; LeaseLost
[[nodiscard]] Scene open_scene(pg::Transaction& tx, Attempt& attempt, const AgentWorld& world, core::UserId user,
                               const std::string& session_id);

/// The same for a person who is loaded already.
[[nodiscard]] Scene open_scene(pg::Transaction& tx, Attempt& attempt, const AgentWorld& world, Person person,
                               const std::string& session_id);

/// What opening a turn asks, so that it is asked for many turns at once; see pg::Announcements. Lane threads only.
void announce_scene(pg::Transaction& tx, core::UserId user, const std::string& session_id);
/// The rest, once it is known who it is.
void announce_context(pg::Transaction& tx, const AgentWorld& world, const Person& person);

/// Appends the prompt to the session, once a job, with its audit entry, and loads what precedes it. Lane threads only.
void append_prompt(pg::Transaction& tx, Attempt& attempt, Scene& scene, const std::string& prompt,
                   const std::string& channel);

/// Makes a session of the worker's own for planners and subtasks, where there is none. Lane threads only.
void ensure_child_session(pg::Transaction& tx, const Person& person, const std::string& session_id,
                          const std::string& parent_session_id, const std::string& purpose, const std::string& title);

/// What later attempts must find as the first one did, lest they ask other questions: recalled memories, skills, model,
/// tools.
struct FrozenContext {
    std::string memory_context;
    std::vector<std::string> memory_ids;
    std::vector<SkillLine> skills;
    ModelChoice model;
    std::string runtime;
    ToolList tools;
    std::vector<std::string> absent_servers;  ///< whose tools are missing, since they did not answer
};

/// Recalls memories for the text and freezes the turn's context in the step `context`.
/// @param attempt, world, scene  outlive the coroutine
/// @param tools  all that this kind of job may offer, beside those of the tenant's servers; roles and template choose
/// among them
[[nodiscard]] boost::asio::awaitable<FrozenContext> freeze_context(Attempt& attempt, const AgentWorld& world,
                                                                   const Scene& scene, std::string text,
                                                                   ToolList tools);

/// The same within the transaction that opens the turn, which costs no step of its own.
/// @returns nullopt where something outside of the database has to be asked: an embedder, or a server for its tools
[[nodiscard]] std::optional<FrozenContext> freeze_context_in(pg::Transaction& tx, Attempt& attempt,
                                                             const AgentWorld& world, const Scene& scene,
                                                             const std::string& text, const ToolList& tools);

/// Appends the turn's messages, its trajectory and the audit entry agent.complete, and tells those who stream. Lane
/// threads only; for Attempt::complete_in.
void keep_turn(pg::Transaction& tx, Attempt& attempt, const Scene& scene, const ChatResult& result,
               const std::string& channel);

/// The job's result as JSON: text, model, runtime, rounds, toolCalls, usage, costUsd.
[[nodiscard]] nlohmann::json describe_result(const AgentWorld& world, const ChatResult& result);

/// Enqueues embed-memories for the person's tenant, or for the person where there is none, unless one is waiting
/// already. Under the guard; lane threads only.
void enqueue_embedding(pg::Transaction& tx, Attempt& attempt, const Person& person);

}  // namespace oiab::agent
