#pragma once
/// @file  Provider rows as those see them who set them up and check them. Lane threads and commands only; every
/// function blocks and throws what the transaction does.

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "store/providers.hpp"

namespace oiab::store {

/// Whose row it is: the user's where one is named, else the tenant's, else the installation's.
struct ProviderScope {
    std::optional<core::TenantId> tenant_id;
    std::optional<core::UserId> user_id;
};

struct ProviderRecord {
    ProviderRow row;
    ProviderScope scope;  ///< a user's row also names that one's tenant
    std::string display_name;
    bool enabled = true;
    std::string models;  ///< JSON array that the last check listed; empty where none did
    std::optional<std::chrono::milliseconds> latency;
    std::string checked_at;  ///< the server's time; empty: never
    std::string last_error;  ///< empty: the last check succeeded, or there was none
};

struct ProviderFilter {
    ProviderScope scope;            ///< what is unset fits any
    std::optional<core::Uuid> row;  ///< only this one
    bool only_enabled = false;
};

[[nodiscard]] std::vector<ProviderRecord> list_providers(pg::Transaction& tx, const ProviderFilter& filter);

/// The owner's own row of that name. @returns its id, or nullopt.
[[nodiscard]] std::optional<core::Uuid> find_provider(pg::Transaction& tx, const std::string& provider,
                                                      const ProviderScope& scope);

struct NewProvider {
    ProviderScope scope;
    std::string provider;
    std::string kind;
    std::string display_name;
    std::string base_url;
    std::string api_version;
    std::string credentials;  ///< encrypted; empty for an endpoint that asks for none
    std::string default_model;
    bool preferred = false;
    std::string settings = "{}";
};

/// @returns the row, or nullopt where the owner has one of that name already, or there is no such user.
[[nodiscard]] std::optional<core::Uuid> insert_provider(pg::Transaction& tx, const NewProvider& provider);

/// Overwrites a row and switches it on. @returns false where it is gone.
[[nodiscard]] bool update_provider(pg::Transaction& tx, const core::Uuid& row, const NewProvider& provider);

/// @returns false where there was none.
[[nodiscard]] bool remove_provider(pg::Transaction& tx, const core::Uuid& row);

struct ProviderCheck {
    core::Uuid row;
    std::string credentials;            ///< encrypted, as they were checked
    std::optional<std::string> models;  ///< JSON array
    std::optional<std::chrono::milliseconds> latency;
    std::string error;  ///< empty: it works
};

enum class CheckRecorded {
    kNews,      ///< the row said something else before
    kSame,      ///< it said the same
    kOutdated,  ///< the row is gone or has other credentials by now: nothing was written
};

[[nodiscard]] CheckRecorded record_provider_check(pg::Transaction& tx, const ProviderCheck& check);

}  // namespace oiab::store
