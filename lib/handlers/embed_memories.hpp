#pragma once
/// @file  Kind embed-memories: `{tenantId?, userId?, limit = 1000, batchSize = 96}`. Gives memories that have none by
/// the model in use their embedding, oldest first; several such jobs share a backfill. A job of a tenant is about that
/// tenant's memories alone, one of a user that names nobody about the user's.

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
