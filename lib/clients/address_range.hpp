#pragma once
/// @file  Which network addresses belong to everybody, and which to whoever runs this machine and what stands beside
/// it. Pure; any thread.

#include <string_view>

struct sockaddr;

namespace oiab::clients {

/// Whether it is an address of the public internet. Loopback, link-local (a cloud's metadata service is there), private
/// and unique-local ranges, those of carriers, of documentation and of benchmarks, multicast, reserved ones and unix
/// sockets are not; an IPv4 address within an IPv6 one (mapped, NAT64, 6to4) counts as what it is by itself.
/// @param address  complete for its family
[[nodiscard]] bool is_public_address(const sockaddr& address) noexcept;
/// The same of "192.0.2.1" or "2001:db8::1"; what is no numerical address is not public.
[[nodiscard]] bool is_public_address(std::string_view numerical) noexcept;

}  // namespace oiab::clients
