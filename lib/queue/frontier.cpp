#include "queue/frontier.hpp"

#include <algorithm>
#include <bit>
#include <pqxx/params>
#include <pqxx/result>

#include "queue/sql.hpp"

namespace oiab::queue {
namespace {

// From the highest bit: 47 of run_at, 8 of the kind, 4 of the priority, 4 of the look.
constexpr int kLookBits = 4;
constexpr int kPriorityBits = 4;
constexpr int kKindBits = 8;
constexpr int kRunAtBits = 47;
constexpr std::int64_t kRunAtUnit = 32;  // microseconds
constexpr int kLowestPriority = -8;

constexpr std::uint64_t low_bits(std::uint64_t number, int bits) { return number & ((std::uint64_t{1} << bits) - 1); }

/// Takes the lowest bits off.
std::uint64_t take(std::uint64_t& number, int bits) {
    const auto taken = low_bits(number, bits);
    number >>= bits;
    return taken;
}

}  // namespace

std::uint8_t Frontier::kind_hash(std::string_view kind) noexcept {
    std::uint32_t hash = 2'166'136'261U;  // FNV-1a
    for (const char c : kind) hash = (hash ^ static_cast<unsigned char>(c)) * 16'777'619U;
    return static_cast<std::uint8_t>(hash ^ (hash >> 8) ^ (hash >> 16) ^ (hash >> 24));
}

std::optional<std::int64_t> Frontier::packed() const noexcept {
    const auto at = run_at.time_since_epoch().count() / kRunAtUnit;
    const auto level = priority - kLowestPriority;
    if (at <= 0 || at >> kRunAtBits != 0 || level < 0 || level >> kPriorityBits != 0) return std::nullopt;
    const auto wide = static_cast<std::uint64_t>(std::max<std::int64_t>(look.count(), 0));
    const auto size = std::min<std::uint64_t>(std::bit_width(wide), (1U << kLookBits) - 1);
    auto number = static_cast<std::uint64_t>(at);
    number = number << kKindBits | kind;
    number = number << kPriorityBits | static_cast<std::uint64_t>(level);
    number = number << kLookBits | size;
    return static_cast<std::int64_t>(number);
}

std::optional<Frontier> Frontier::unpacked(std::int64_t packed) noexcept {
    if (packed <= 0) return std::nullopt;
    auto number = static_cast<std::uint64_t>(packed);
    Frontier frontier;
    const auto size = take(number, kLookBits);
    if (size > 0) frontier.look = std::chrono::milliseconds{std::int64_t{1} << (size - 1)};
    frontier.priority = static_cast<int>(take(number, kPriorityBits)) + kLowestPriority;
    frontier.kind = static_cast<std::uint8_t>(take(number, kKindBits));
    frontier.run_at = core::WallTime{std::chrono::microseconds{static_cast<std::int64_t>(number) * kRunAtUnit}};
    return frontier;
}

std::optional<Frontier> read_frontier(pg::Transaction& tx) {
    return Frontier::unpacked(tx.run(sql::read_frontier).at(0).at(0).as<std::int64_t>());
}

void write_frontier(pg::Transaction& tx, const Frontier& frontier) {
    if (const auto number = frontier.packed()) (void)tx.run(sql::write_frontier, pqxx::params{*number});
}

}  // namespace oiab::queue
