#pragma once
/// @file  The embedded migrations, in the order in which they run. For the migrator; any thread.

#include <span>
#include <string_view>

namespace oiab::pg {

struct Migration {
    std::string_view name;
    std::string_view text;
};

/// Made by the build from the list in migrations/migrations.cmake.
[[nodiscard]] std::span<const Migration> migrations();

}  // namespace oiab::pg
