#pragma once
/// @file  Handlers in shared libraries, by the C ABI of oiab/oiab_plugin.h.

#include <expected>
#include <memory>
#include <string>

#include "oiab/handler.hpp"
#include "plugin/blocking_pool.hpp"

namespace oiab::plugin {

/// Loads the library and looks at its ABI version. It stays loaded as long as the handler lives.
/// @param pool  runs the attempts; outlives the handler
/// @returns why it cannot be used, as a sentence; a wrong ABI version is told with both versions.
[[nodiscard]] std::expected<std::shared_ptr<Handler>, std::string> load_library_handler(const std::string& path,
                                                                                        BlockingPool& pool);

}  // namespace oiab::plugin
