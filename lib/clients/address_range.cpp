#include "clients/address_range.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>

namespace oiab::clients {
namespace {

struct Range4 {
    std::uint32_t first;
    int bits;
};

/// IANA's special-purpose registry, but for what anybody can reach by it.
constexpr std::array<Range4, 15> kNotPublic4{{
    {0x00000000, 8},   // this network
    {0x0A000000, 8},   // private
    {0x64400000, 10},  // 100.64/10: carriers
    {0x7F000000, 8},   // loopback
    {0xA9FE0000, 16},  // 169.254/16: link-local
    {0xAC100000, 12},  // 172.16/12: private
    {0xC0000000, 24},  // 192.0.0/24: protocol assignments
    {0xC0000200, 24},  // 192.0.2/24: documentation
    {0xC0586300, 24},  // 192.88.99/24: relays of 6to4
    {0xC0A80000, 16},  // 192.168/16: private
    {0xC6120000, 15},  // 198.18/15: benchmarks
    {0xC6336400, 24},  // 198.51.100/24: documentation
    {0xCB007100, 24},  // 203.0.113/24: documentation
    {0xE0000000, 4},   // multicast
    {0xF0000000, 4},   // reserved, and broadcast
}};

bool is_public4(std::uint32_t address) noexcept {
    return std::none_of(kNotPublic4.begin(), kNotPublic4.end(),
                        [address](const Range4& range) { return (address ^ range.first) >> (32 - range.bits) == 0; });
}

using Bytes6 = std::array<std::uint8_t, 16>;

bool begins_with(const Bytes6& address, std::span<const std::uint8_t> prefix, std::size_t bits) noexcept {
    for (std::size_t bit = 0; bit < bits; ++bit) {
        const auto mask = static_cast<std::uint8_t>(0x80U >> (bit % 8));
        if (((address[bit / 8] ^ prefix[bit / 8]) & mask) != 0) return false;
    }
    return true;
}

std::uint32_t embedded4(const Bytes6& address, std::size_t at) noexcept {
    return (std::uint32_t{address[at]} << 24U) | (std::uint32_t{address[at + 1]} << 16U) |
           (std::uint32_t{address[at + 2]} << 8U) | std::uint32_t{address[at + 3]};
}

bool is_public6(const Bytes6& address) noexcept {
    constexpr std::array<std::uint8_t, 12> kMapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};
    constexpr std::array<std::uint8_t, 12> kNat64{0x00, 0x64, 0xFF, 0x9B};
    constexpr std::array<std::uint8_t, 2> k6to4{0x20, 0x02};
    constexpr std::array<std::uint8_t, 1> kGlobal{0x20};
    constexpr std::array<std::uint8_t, 4> kProtocols{0x20, 0x01, 0x00, 0x00};
    constexpr std::array<std::uint8_t, 4> kDocumentation{0x20, 0x01, 0x0D, 0xB8};
    constexpr std::array<std::uint8_t, 3> kMoreDocumentation{0x3F, 0xFF, 0x00};
    if (begins_with(address, kMapped, 96) || begins_with(address, kNat64, 96))
        return is_public4(embedded4(address, 12));
    if (begins_with(address, k6to4, 16)) return is_public4(embedded4(address, 2));
    // Loopback, link-local, unique-local and multicast addresses are outside of what is given out to the internet.
    return begins_with(address, kGlobal, 3) && !begins_with(address, kProtocols, 23) &&
           !begins_with(address, kDocumentation, 32) && !begins_with(address, kMoreDocumentation, 20);
}

}  // namespace

bool is_public_address(const sockaddr& address) noexcept {
    if (address.sa_family == AF_INET) {
        sockaddr_in in{};
        std::memcpy(&in, &address, sizeof in);
        return is_public4(ntohl(in.sin_addr.s_addr));
    }
    if (address.sa_family == AF_INET6) {
        sockaddr_in6 in{};
        std::memcpy(&in, &address, sizeof in);
        Bytes6 bytes{};
        std::memcpy(bytes.data(), &in.sin6_addr, bytes.size());
        return is_public6(bytes);
    }
    return false;
}

bool is_public_address(std::string_view numerical) noexcept {
    // As libcurl tells an address: without a scope, and no longer than this.
    std::array<char, INET6_ADDRSTRLEN> text{};
    if (numerical.size() >= text.size()) return false;
    std::copy(numerical.begin(), numerical.end(), text.begin());
    in_addr four{};
    if (inet_pton(AF_INET, text.data(), &four) == 1) return is_public4(ntohl(four.s_addr));
    Bytes6 six{};
    return inet_pton(AF_INET6, text.data(), six.data()) == 1 && is_public6(six);
}

}  // namespace oiab::clients
