#pragma once
/// @file  Where provider rows of tenants and users may point. For the service and for the command that checks rows.

#include "agent/provider_clients.hpp"
#include "config/settings.hpp"

namespace oiab::daemon {

[[nodiscard]] inline agent::RowAddresses row_addresses(const config::Settings& settings) noexcept {
    return settings.agent.allow_private_provider_urls ? agent::RowAddresses::kAny : agent::RowAddresses::kPublic;
}

}  // namespace oiab::daemon
