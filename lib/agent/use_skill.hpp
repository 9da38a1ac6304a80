#pragma once
/// @file  The tool use_skill: gives a model the text of one of the tenant's promoted skills.

#include "agent/prompts.hpp"
#include "agent/tool.hpp"

namespace oiab::agent {

/// Made for one turn, with the skills that the turn was offered when it began: what is promoted or deprecated meanwhile
/// changes nothing for it. Without skills it stands in the list of all tools, and is offered to nobody.
class UseSkill final : public Tool {
public:
    static constexpr const char* kName = "use_skill";
    explicit UseSkill(std::vector<SkillLine> offered = {}) : offered_{std::move(offered)} {}

    [[nodiscard]] clients::ToolDefinition definition() const override;
    [[nodiscard]] bool is_useful_to(const Person& person) const override;
    [[nodiscard]] clients::Repeat repeat() const override { return clients::Repeat::kSafe; }
    [[nodiscard]] boost::asio::awaitable<std::string> call(const ToolScene& scene, nlohmann::json arguments,
                                                           std::string idempotency_key) override;

private:
    std::vector<SkillLine> offered_;
};

}  // namespace oiab::agent
