#pragma once
/// @file  Finds the memories that belong to a text. For turns and for the tool memory_search.

#include <boost/asio/awaitable.hpp>
#include <string>
#include <vector>

#include "agent/person.hpp"
#include "agent/world.hpp"
#include "oiab/attempt.hpp"

namespace oiab::agent {

enum class RecallFallback {
    kRecent,  ///< the newest memories
    kText,    ///< those whose text resembles the query
};

/// Embeds the text and finds the nearest memories that the person may see, best first. Without an embedder, without
/// embeddings in the database, or where the embedding call fails or takes longer than recall.timeout, goes by
/// `fallback` instead: a turn without memories is better than none. The embedding call is charged under `request_id`.
/// @param attempt, world, person  outlive the coroutine
[[nodiscard]] boost::asio::awaitable<std::vector<store::MemoryRow>> recall(Attempt& attempt, const AgentWorld& world,
                                                                           const Person& person, std::string session_id,
                                                                           std::string text, std::string request_id,
                                                                           RecallFallback fallback);

/// Whether `recall` would ask the embedder: there is one, there are embeddings, and the person may read memories. Lane
/// threads only.
[[nodiscard]] bool wants_embedding(pg::Transaction& tx, const AgentWorld& world, const Person& person);

/// Recall by `fallback` alone. Lane threads only.
[[nodiscard]] std::vector<store::MemoryRow> recall_in(pg::Transaction& tx, const AgentWorld& world,
                                                      const Person& person, const std::string& text,
                                                      RecallFallback fallback);
/// That recall_in is going to ask for the newest memories; see pg::Transaction::announce. Lane threads only.
void announce_recall(pg::Transaction& tx, const AgentWorld& world, const Person& person);

}  // namespace oiab::agent
