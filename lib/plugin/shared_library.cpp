#include "plugin/shared_library.hpp"

#include <dlfcn.h>

#include <boost/asio/this_coro.hpp>
#include <functional>
#include <optional>
#include <utility>

#include "plugin/library_call.hpp"

namespace oiab::plugin {
namespace {

namespace asio = boost::asio;

struct Unloading {
    void operator()(void* library) const noexcept { dlclose(library); }
};
using Library = std::unique_ptr<void, Unloading>;

class LibraryHandler final : public Handler {
public:
    LibraryHandler(Library library, oiab_plugin_handle_function function, BlockingPool& pool)
        : library_{std::move(library)}, function_{function}, pool_{pool} {}

    asio::awaitable<core::Outcome> run(Attempt& attempt) override {
        LibraryCall call{attempt, co_await asio::this_coro::executor};
        std::optional<core::Outcome> outcome;
        // Named, since GCC 12.2 destroys the captures of a closure within a co_await expression twice.
        std::function<void()> work = [&] { outcome = call.run(function_); };
        co_await pool_.run(std::move(work));
        co_return std::move(*outcome);
    }

private:
    const Library library_;
    const oiab_plugin_handle_function function_;
    BlockingPool& pool_;
};

std::string reason_of_loader() {
    const char* const reason = dlerror();
    return reason == nullptr ? "the loader gives no reason" : reason;
}

}  // namespace

std::expected<std::shared_ptr<Handler>, std::string> load_library_handler(const std::string& path, BlockingPool& pool) {
    // A name without a slash would be searched for in the system's folders, where nobody expects a plugin.
    const std::string file = path.find('/') == std::string::npos ? "./" + path : path;
    Library library{dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL)};
    if (!library) return std::unexpected{"the plugin " + path + " cannot be loaded: " + reason_of_loader()};
    const auto abi = reinterpret_cast<oiab_plugin_abi_function>(dlsym(library.get(), "oiab_plugin_abi"));
    const auto handle = reinterpret_cast<oiab_plugin_handle_function>(dlsym(library.get(), "oiab_plugin_handle"));
    if (abi == nullptr || handle == nullptr) {
        return std::unexpected{path + " is no plugin: it has no function " +
                               (abi == nullptr ? "oiab_plugin_abi" : "oiab_plugin_handle")};
    }
    if (const std::uint32_t theirs = abi(); theirs != OIAB_PLUGIN_ABI) {
        return std::unexpected{"the plugin " + path + " is built for version " + std::to_string(theirs) +
                               " of the plugin ABI, but this oiabd has version " + std::to_string(OIAB_PLUGIN_ABI)};
    }
    return std::make_shared<LibraryHandler>(std::move(library), handle, pool);
}

}  // namespace oiab::plugin
