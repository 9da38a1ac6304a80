#include "observe/systemd.hpp"

#include <dlfcn.h>
#include <systemd/sd-daemon.h>
#include <systemd/sd-journal.h>
#include <unistd.h>

#include <cstdlib>

namespace oiab::observe {
namespace {

class Library {
public:
    /// Loaded when first asked for, and kept.
    static const Library& instance() noexcept {
        static const Library library;
        return library;
    }

    decltype(&sd_notify) notify = nullptr;
    decltype(&sd_journal_sendv) journal_sendv = nullptr;

private:
    Library() noexcept {
        void* const handle = ::dlopen("libsystemd.so.0", RTLD_NOW | RTLD_LOCAL);
        if (handle == nullptr) return;
        notify = reinterpret_cast<decltype(notify)>(::dlsym(handle, "sd_notify"));
        journal_sendv = reinterpret_cast<decltype(journal_sendv)>(::dlsym(handle, "sd_journal_sendv"));
    }
};

}  // namespace

bool tell_service_manager(const char* state) noexcept {
    if (std::getenv("NOTIFY_SOCKET") == nullptr) return true;
    const auto notify = Library::instance().notify;
    return notify != nullptr && notify(0, state) > 0;
}

bool write_to_journal(std::span<const iovec> parts) noexcept {
    // libsystemd calls an entry for a journal that is not there a success.
    if (::access("/run/systemd/journal/socket", W_OK) != 0) return false;
    const auto sendv = Library::instance().journal_sendv;
    return sendv != nullptr && sendv(parts.data(), static_cast<int>(parts.size())) >= 0;
}

}  // namespace oiab::observe
