#pragma once
/// @file  What every turn of this process shares: settings, and the models it talks to. Made once at start, read by all
/// threads.

#include <chrono>
#include <cstdint>
#include <memory>

#include "agent/model_choice.hpp"
#include "clients/chat.hpp"
#include "clients/embeddings.hpp"

namespace oiab::agent {

class McpTools;
class InstallationEmbedder;
class ProviderClients;

struct RecallSettings {
    double threshold = 0.3;  ///< cosine, below which a memory is not recalled
    int limit = 8;
    std::int64_t max_tokens = 2000;  ///< of the whole block, by estimate
    /// How long an embedding is waited for; then memories are recalled without. Most take less than a second.
    std::chrono::milliseconds timeout{20'000};
};

/// How a turn notices what the user says about how they want to be treated.
enum class PreferenceExtraction {
    kOff,
    kRules,  ///< explicit statements in a few English phrasings
    kModel,  ///< the turn's model is asked, which costs a call each turn
};

struct AgentSettings {
    RecallSettings recall;
    PreferenceExtraction preferences = PreferenceExtraction::kRules;
    int max_tool_rounds = 16;
    /// The model's window less room for its answer. Longer conversations lose their oldest exchanges.
    std::int64_t context_tokens = 120'000;
    ModelChoice configured;  ///< where neither session nor provider rows name a model
    /// Rows of any provider name models that can be had: whoever is asked knows providers of its own (opencode).
    bool any_provider = false;
    bool only_configured = false;    ///< nobody may name another model: there is none (runtime offline)
    std::string embedding_provider;  ///< for usage records
    bool learning = false;           ///< turns that used a tool are reflected upon, and skills proposed
    /// How often a growing answer is written down for those who stream.
    std::chrono::milliseconds stream_interval{250};
};

struct AgentWorld {
    AgentSettings settings;
    std::shared_ptr<clients::ChatModel> chat;     ///< the configured endpoint
    std::shared_ptr<ProviderClients> providers;   ///< nullptr: provider rows have no endpoints of their own here
    std::shared_ptr<clients::Embedder> embedder;  ///< nullptr: recall goes by age, search by text
    std::shared_ptr<const McpTools> mcp;          ///< nullptr: no tool servers are configured
    /// The embedder again where a provider row embeds: to be refreshed before its calls. Else nullptr.
    std::shared_ptr<InstallationEmbedder> row_embedder;
};

}  // namespace oiab::agent
