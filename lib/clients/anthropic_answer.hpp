#pragma once
/// @file  One of Anthropic's messages, put together from the events of its stream. Private to its client. One answer's
/// own.

#include <expected>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "clients/chat.hpp"
#include "clients/provider.hpp"

namespace oiab::clients {

class AnthropicAnswer {
public:
    /// Takes the next event. Kinds that are not known are passed over, as the protocol's versioning asks for.
    /// @returns the text that it adds, or what is wrong with it.
    [[nodiscard]] std::expected<std::string, ModelError> take_event(const nlohmann::json& event,
                                                                    const ProviderSettings& settings);
    /// Takes a message that came whole.
    [[nodiscard]] std::expected<std::string, ModelError> take_whole(const nlohmann::json& message,
                                                                    const ProviderSettings& settings);

    /// The provider has said that the message is over. Whatever ends without that has been broken off.
    [[nodiscard]] bool is_complete() const noexcept { return complete_; }
    [[nodiscard]] ChatAnswer take();

private:
    using Text = std::expected<std::string, ModelError>;
    struct Block {
        std::int64_t index = 0;
        nlohmann::json content;
        std::string partial_input;  ///< of a tool's use: JSON text in pieces
    };

    Text begin_message(const nlohmann::json& message);
    Text begin_block(std::int64_t index, const nlohmann::json& block);
    Text extend_block(std::int64_t index, const nlohmann::json& delta);
    void take_usage(const nlohmann::json& holder);
    void take_stop_reason(const nlohmann::json& holder);
    void add_tool_call(Block& block);
    void keep_parts();

    ChatAnswer answer_;
    std::vector<Block> blocks_;
    Usage usage_;
    std::int64_t plain_input_tokens_ = 0;
    bool any_usage_ = false;
    bool begun_ = false;
    bool complete_ = false;
    bool understood_ = true;  ///< no block has changed in a way that is not known here
};

}  // namespace oiab::clients
