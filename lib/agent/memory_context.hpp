#pragma once
/// @file  Turns recalled memories into the block that goes into the system prompt. Pure; any thread.

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace oiab::agent {

/// A memory as recalled, best first.
struct RecalledMemory {
    std::string id;
    std::string kind;
    std::string content;
};

struct MemoryContext {
    std::string text;              ///< `<memory-context>…</memory-context>`, or empty where nothing was recalled
    std::vector<std::string> ids;  ///< of the memories that are in it
};

/// One line a memory, in the given order, as many as fit into `max_tokens` by estimate; the first that does not fit is
/// cut, the rest left out. Content cannot end the block early: its angle brackets before the tag's name are defused.
[[nodiscard]] MemoryContext make_memory_context(std::span<const RecalledMemory> memories, std::int64_t max_tokens);

}  // namespace oiab::agent
