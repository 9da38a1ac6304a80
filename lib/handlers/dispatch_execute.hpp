#pragma once
/// @file  Kind dispatch-execute: `{dispatchId, member}`. One member of a dispatch, in a session of its own here or in
/// the pool of sandboxes.

#include <memory>

#include "agent/chat_loop.hpp"
#include "clients/dispatch_pool.hpp"
#include "oiab/handler.hpp"

namespace oiab::handlers {

class DispatchExecute final : public Handler {
public:
    /// @param tools  all that members may offer. dispatch and plan_tasks are not for them: work that hands itself on
    /// has no end.
    /// @param pool  nullptr: none is configured
    DispatchExecute(std::shared_ptr<const agent::AgentWorld> world, agent::ToolList tools,
                    std::shared_ptr<clients::DispatchPool> pool);
    [[nodiscard]] boost::asio::awaitable<core::Outcome> run(Attempt& attempt) override;

private:
    std::shared_ptr<const agent::AgentWorld> world_;
    agent::ToolList tools_;
    std::shared_ptr<clients::DispatchPool> pool_;
};

}  // namespace oiab::handlers
