#pragma once
/// @file  How far claims have come in the kind and priority that they took last, as one number that all workers share.
/// A hint: whoever follows it still looks at everything now and then. Lane threads only where it blocks.

#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>

#include "core/job.hpp"
#include "pg/transaction.hpp"

namespace oiab::queue {

struct Frontier {
    std::uint8_t kind = 0;  ///< kind_hash of it
    int priority = 0;       ///< from -8 to 7
    core::WallTime run_at;  ///< rounded down to 32 microseconds; not before 1970
    /// About how long a look at everything takes where it walks far, rounded to a power of two; zero where it does not.
    std::chrono::milliseconds look{0};

    [[nodiscard]] static std::uint8_t kind_hash(std::string_view kind) noexcept;
    /// @returns nullopt where this cannot be told in one number: another priority, a time before 1970 or after 2100
    [[nodiscard]] std::optional<std::int64_t> packed() const noexcept;
    /// @returns nullopt for 0: nowhere yet
    [[nodiscard]] static std::optional<Frontier> unpacked(std::int64_t number) noexcept;
};

[[nodiscard]] std::optional<Frontier> read_frontier(pg::Transaction& tx);
/// Nothing where it cannot be packed.
void write_frontier(pg::Transaction& tx, const Frontier& frontier);

}  // namespace oiab::queue
