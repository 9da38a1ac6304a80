#pragma once
/// @file  Which handler runs which kind: an exact name first, then the longest `prefix-*` pattern. Filled at start,
/// read by all threads afterwards.

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/retry_policy.hpp"
#include "oiab/handler.hpp"

namespace oiab {

/// How attempts of a kind are run; a row's own timeout_seconds wins over `timeout`.
struct KindSettings {
    std::chrono::milliseconds timeout{std::chrono::minutes{15}};
    /// An attempt that reports neither progress nor heartbeat for this long counts as stalled; zero: never.
    std::chrono::milliseconds stall_timeout{0};
    core::RetryPolicy retry;
};

class Registry {
public:
    struct Entry {
        std::shared_ptr<Handler> handler;
        KindSettings settings;
    };

    /// Registers a handler for an exact kind or, with a trailing `*`, for all kinds with that prefix. A later call for
    /// the same pattern replaces the earlier one: configuration overrides what is built in.
    void add(std::string pattern, std::shared_ptr<Handler> handler, KindSettings settings = {});

    /// @returns nullptr where no handler is registered for the kind.
    [[nodiscard]] const Entry* find(std::string_view kind) const;
    [[nodiscard]] std::vector<std::string> exact_kinds() const;
    [[nodiscard]] bool has_patterns() const noexcept { return !prefixes_.empty(); }
    [[nodiscard]] bool empty() const noexcept { return exact_.empty() && prefixes_.empty(); }
    /// The patterns as given, sorted; for display.
    [[nodiscard]] std::vector<std::string> patterns() const;

private:
    std::map<std::string, Entry, std::less<>> exact_;
    std::map<std::string, Entry, std::less<>> prefixes_;
};

}  // namespace oiab
