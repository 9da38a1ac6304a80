#pragma once
/// @file  The tool dispatch: hands tasks to agents that work beside this turn, here or in sandboxes of their own.
/// Shared by all turns.

#include "agent/tool.hpp"

namespace oiab::agent {

/// Answers at once with the dispatch's id. It never waits for the members: the turn holds its session's lane, which the
/// synthesis needs.
class DispatchTasks final : public Tool {
public:
    static constexpr const char* kName = "dispatch";
    /// @param has_pool  whether a pool of sandboxes is configured; without one the modes that need it are not offered
    explicit DispatchTasks(bool has_pool) : has_pool_{has_pool} {}
    [[nodiscard]] clients::ToolDefinition definition() const override;
    [[nodiscard]] bool is_useful_to(const Person& person) const override;
    [[nodiscard]] clients::Repeat repeat() const override { return clients::Repeat::kSafe; }
    [[nodiscard]] boost::asio::awaitable<std::string> call(const ToolScene& scene, nlohmann::json arguments,
                                                           std::string idempotency_key) override;

private:
    bool has_pool_;
};

}  // namespace oiab::agent
