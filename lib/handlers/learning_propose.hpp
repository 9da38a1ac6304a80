#pragma once
/// @file  Kind learning-propose: `{trajectoryId}`. Turns that resemble each other become a proposed skill, once a
/// cluster.

#include <memory>

#include "agent/world.hpp"
#include "oiab/handler.hpp"

namespace oiab::handlers {

class LearningPropose final : public Handler {
public:
    explicit LearningPropose(std::shared_ptr<const agent::AgentWorld> world);
    /// A used-up budget ends it as completed, with a note; the cluster's next turn asks again.
    [[nodiscard]] boost::asio::awaitable<core::Outcome> run(Attempt& attempt) override;

private:
    [[nodiscard]] boost::asio::awaitable<core::Outcome> propose(Attempt& attempt);

    std::shared_ptr<const agent::AgentWorld> world_;
};

}  // namespace oiab::handlers
