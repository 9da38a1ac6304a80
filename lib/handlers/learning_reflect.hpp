#pragma once
/// @file  Kind learning-reflect: `{sessionId, jobId}`. A finished turn becomes a reflection, and where it has company,
/// a proposal is asked for.

#include <memory>

#include "agent/world.hpp"
#include "oiab/handler.hpp"

namespace oiab::handlers {

class LearningReflect final : public Handler {
public:
    explicit LearningReflect(std::shared_ptr<const agent::AgentWorld> world);
    /// A used-up budget ends it as completed, with a note: nobody waits for a reflection.
    [[nodiscard]] boost::asio::awaitable<core::Outcome> run(Attempt& attempt) override;

private:
    [[nodiscard]] boost::asio::awaitable<core::Outcome> reflect(Attempt& attempt);

    std::shared_ptr<const agent::AgentWorld> world_;
};

}  // namespace oiab::handlers
