#pragma once
/// @file  Which provider row a turn's calls go to. Pure; any thread.

#include <expected>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "agent/model_choice.hpp"
#include "store/providers.hpp"

namespace oiab::agent {

using ProviderRows = std::vector<std::shared_ptr<const store::ProviderRow>>;

/// What somebody decided, strongest first.
struct StatedChoices {
    std::optional<ModelChoice> template_override;  ///< frozen in the session
    std::optional<ModelChoice> session_choice;
};

/// The provider id of a row, as usage records and prices name it: its kind where the row has no name.
[[nodiscard]] const std::string& provider_name(const store::ProviderRow& row) noexcept;

/// What a turn uses. A stated provider is a row of that name, the user's before the tenant's before the installation's;
/// the configured endpoint answers to its own name and to choices that name a model only. Nothing stated: the first row
/// of the user that names a model, else the tenant's, else the installation's, else the configured endpoint.
/// A row without address and credentials of its own that is called like the configured endpoint stands for that one.
/// @param rows  those that the person may use, in the order in which they are to be tried
/// @param configured  without a model where there is no such endpoint
/// @returns a sentence where the stated provider is none of these, or nothing is there at all. It never goes to another
/// provider then: somebody chose who gets to read the conversation, and who is paid.
[[nodiscard]] std::expected<ModelChoice, std::string> choose_provider(const StatedChoices& stated,
                                                                      const ProviderRows& rows,
                                                                      const ModelChoice& configured);

/// The choice that an earlier attempt froze: the same row, or, where that one is gone, another one of the same name.
/// @param row_id  nullopt: it was the configured endpoint
[[nodiscard]] std::expected<ModelChoice, std::string> find_again(const ModelChoice& frozen,
                                                                 const std::optional<std::string>& row_id,
                                                                 const ProviderRows& rows);

}  // namespace oiab::agent
