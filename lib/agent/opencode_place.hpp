#pragma once
/// @file  Under which names a turn is known to opencode: derived from ours, so that every attempt of a job finds what
/// earlier ones began. Pure; any thread.

#include <optional>
#include <string>
#include <string_view>

#include "agent/person.hpp"
#include "core/job.hpp"
#include "store/sessions.hpp"

namespace oiab::agent {

/// The session's opencode id: the stored one, or our own id where that is one already (`ses…`), else one made from it.
[[nodiscard]] std::string opencode_session_id(const store::SessionRow& session);
[[nodiscard]] std::string opencode_message_id(core::JobId job);
[[nodiscard]] std::string opencode_part_id(core::JobId job);

/// Puts the person's tenant and user for `{tenant}` and `{user}`; a person without a tenant works in `operator`.
[[nodiscard]] std::string fill_directory(std::string_view pattern, const Person& person);

/// What the operator named, up to the first component with a variable, and what is below it.
struct SplitDirectory {
    std::string root;
    std::string below;  ///< relative, with its variables; empty where there are none
};
[[nodiscard]] SplitDirectory split_directory(std::string_view pattern);

}  // namespace oiab::agent
