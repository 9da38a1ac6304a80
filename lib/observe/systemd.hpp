#pragma once
/// @file  What the process tells systemd: its state, and entries for the journal. libsystemd is loaded where systemd is
/// there to be told, and nowhere else: it brings six libraries, 1.2 MB of resident memory and
/// 1.4 ms of every start.

#include <sys/uio.h>

#include <span>

namespace oiab::observe {

/// Sends a state such as "READY=1" to the service manager that $NOTIFY_SOCKET names; nothing without one. Any thread;
/// one datagram.
/// @returns false where there is a service manager and it could not be told
bool tell_service_manager(const char* state) noexcept;

/// Writes one entry, a NAME=value each part. Any thread.
/// @returns false where no journal answers
[[nodiscard]] bool write_to_journal(std::span<const iovec> parts) noexcept;

}  // namespace oiab::observe
