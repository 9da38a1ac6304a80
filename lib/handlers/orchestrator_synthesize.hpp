#pragma once
/// @file  Kind orchestrator-synthesize: `{planId}`. The subtasks' results become one answer in the parent session.

#include <memory>

#include "agent/world.hpp"
#include "oiab/handler.hpp"

namespace oiab::handlers {

class OrchestratorSynthesize final : public Handler {
public:
    explicit OrchestratorSynthesize(std::shared_ptr<const agent::AgentWorld> world);
    [[nodiscard]] boost::asio::awaitable<core::Outcome> run(Attempt& attempt) override;

private:
    std::shared_ptr<const agent::AgentWorld> world_;
};

}  // namespace oiab::handlers
