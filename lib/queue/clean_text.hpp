#pragma once
/// @file  Error texts as the database can store them: they come from providers and programs that promise nothing. Pure.

#include <string>
#include <string_view>

namespace oiab::queue {

/// Valid UTF-8 without NUL, at most `limit` bytes: what is not becomes U+FFFD, what is too long ends with "…".
[[nodiscard]] std::string clean_text(std::string_view text, std::size_t limit = 8'192);

}  // namespace oiab::queue
