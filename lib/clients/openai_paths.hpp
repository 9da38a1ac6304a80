#pragma once
/// @file  Where below its base URL a speaker of OpenAI's dialect expects a call. A value; any thread.

#include <string>
#include <string_view>

namespace oiab::clients {

struct OpenAiPaths {
    /// Azure's dated API: `/openai/deployments/<deployment>/…?api-version=…`. Empty: plain paths, as OpenAI has them.
    std::string api_version{};
    std::string deployment{};  ///< goes in the place of the model's name; empty where both are called the same

    /// Paths with query, to be put after the base URL.
    [[nodiscard]] std::string chat(std::string_view model) const;
    [[nodiscard]] std::string embeddings(std::string_view model) const;
    /// What the body names as the model.
    [[nodiscard]] std::string_view model_name(std::string_view model) const noexcept;

private:
    [[nodiscard]] std::string of(std::string_view model, std::string_view operation) const;
};

/// The text with everything escaped that means something in a path or a query.
[[nodiscard]] std::string percent_encoded(std::string_view text);

}  // namespace oiab::clients
