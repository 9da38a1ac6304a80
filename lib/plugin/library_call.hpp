#pragma once
/// @file  One call of a plugin's function, with the API that it is handed. Private to the shared-library handler; lives
/// on a thread of the blocking pool, while the attempt's coroutine waits.

#include <boost/asio/any_io_executor.hpp>
#include <exception>
#include <optional>
#include <string>

#include "core/outcome.hpp"
#include "oiab/attempt.hpp"
#include "oiab/oiab_plugin.h"

namespace oiab::plugin {

class LibraryCall {
public:
    /// @param executor  the attempt's own; its awaitables run there
    LibraryCall(Attempt& attempt, boost::asio::any_io_executor executor);
    LibraryCall(const LibraryCall&) = delete;
    LibraryCall& operator=(const LibraryCall&) = delete;

    /// Calls the plugin. Blocks as long as it does. @throws LeaseLost where the plugin ran into it
    [[nodiscard]] core::Outcome run(oiab_plugin_handle_function function);

private:
    template <typename Result>
    Result wait_for(boost::asio::awaitable<Result> work);
    template <typename Work>
    int guarded(Work work) noexcept;
    int enqueue(const oiab_new_job& plain, char* id);
    [[nodiscard]] core::Outcome read(const oiab_outcome& outcome) const;

    Attempt& attempt_;
    boost::asio::any_io_executor executor_;
    std::string text_;
    bool lease_lost_ = false;
};

}  // namespace oiab::plugin
