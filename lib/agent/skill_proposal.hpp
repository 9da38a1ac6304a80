#pragma once
/// @file  What a model is asked for when a cluster of turns deserves a skill, and what it answers. Pure; any thread.

#include <expected>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace oiab::agent {

/// One turn of the cluster, as the model is told of it.
struct TurnReview {
    std::vector<std::string> tools;
    std::string outcome;
    std::string reflection;
};

[[nodiscard]] std::string make_skill_system_prompt();
[[nodiscard]] std::string make_skill_prompt(std::span<const TurnReview> reviews);
/// Sends a draft back, with every reason.
[[nodiscard]] std::string make_skill_correction(std::span<const std::string> faults);

struct SkillDraft {
    std::string name;         ///< as make_skill_file_name makes it
    std::string description;  ///< one line
    std::string body;         ///< begins "# Skill: ", has a section "When to …"
};

/// Reads {"name", "description", "body"}, also out of prose and fenced code. Untrusted: form and sizes are checked.
/// @returns the draft, or every fault in words that the model can mend.
[[nodiscard]] std::expected<SkillDraft, std::vector<std::string>> parse_skill_answer(std::string_view answer);

}  // namespace oiab::agent
