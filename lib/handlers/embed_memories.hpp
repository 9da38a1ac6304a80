#pragma once
/// @file  Kind embed-memories: `{tenantId?, userId?, limit = 1000000, batchSize = 96, seconds = 60}`. Gives memories
/// that have none by the model in use their embedding, oldest first, until nothing is left, `limit` is reached or
/// `seconds` have passed; then its successor does the rest. Several such jobs share a backfill. A job of a tenant is
/// about that tenant's memories alone, one of a user that names nobody about the user's.

#include <memory>

#include "agent/world.hpp"
#include "oiab/handler.hpp"

namespace oiab::handlers {

class EmbedMemories final : public Handler {
public:
    explicit EmbedMemories(std::shared_ptr<const agent::AgentWorld> world);
    [[nodiscard]] boost::asio::awaitable<core::Outcome> run(Attempt& attempt) override;

private:
    std::shared_ptr<const agent::AgentWorld> world_;
};

}  // namespace oiab::handlers
