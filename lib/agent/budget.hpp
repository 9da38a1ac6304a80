#pragma once
/// @file  Money: what a call costs, and whether limits allow another one. Pure; any thread.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace oiab::agent {

/// US dollars for a million tokens; zero where the price is not known.
struct Price {
    double input_usd_per_million = 0;
    double output_usd_per_million = 0;
    double cache_read_usd_per_million = 0;
    double cache_write_usd_per_million = 0;
    std::optional<std::int64_t> max_output_tokens{};  ///< of one answer, where it is known
};

struct TokenCount {
    std::int64_t input = 0;  ///< cached ones not included
    std::int64_t output = 0;
    std::int64_t cache_read = 0;
    std::int64_t cache_write = 0;
    std::int64_t reasoning = 0;  ///< part of output, for the records
};

[[nodiscard]] double cost_usd(const TokenCount& tokens, const Price& price) noexcept;

/// Fewer tokens of an answer than this are worth nothing to anybody: a call that cannot be given them is not made.
inline constexpr std::int64_t kLeastOutput = 256;
/// With fewer than this a call rather waits for others to be settled, which may leave it more: about two pages.
inline constexpr std::int64_t kDecentOutput = 2'048;
/// How long an answer is taken to be at most where the model's own bound is not known. Under a limit the provider is
/// told so; several models in use answer no longer than this.
inline constexpr std::int64_t kMostOutput = 16'384;

/// One limit and what is gone of it.
struct Limit {
    enum class Of { kUserMonth, kRequest, kTenantMonth };
    Of of = Of::kUserMonth;
    double limit_usd = 0;
    double spent_usd = 0;
    double open_usd = 0;  ///< set aside for other calls that are under way
};

/// What one call may cost.
struct CallCost {
    double prompt_usd = 0;  ///< upper estimate
    double output_usd_per_token = 0;
    std::int64_t max_output_tokens = 0;  ///< zero for what has no output, such as an embedding

    /// For a prompt of so many tokens by estimate, at this price.
    [[nodiscard]] static CallCost of(std::int64_t prompt_tokens, const Price& price);
    [[nodiscard]] double with_output(std::int64_t tokens) const noexcept;
};

enum class Admit {
    kGranted,
    kWait,     ///< calls that are under way hold what this one needs; they may leave enough
    kRefused,  ///< what is spent leaves too little, whatever becomes of the others
};

struct Admission {
    Admit answer = Admit::kGranted;
    double reserved_usd = 0;  ///< the most that the call can cost; set it aside
    /// How long the answer may be; set where a limit holds and output has a price.
    std::optional<std::int64_t> max_output_tokens{};
    bool shortened = false;  ///< the answer may be cut off because money runs out
    std::string why{};       ///< where refused: a sentence that says what is spent
};

/// The limits that hold for a call.
struct Budget {
    std::vector<Limit> limits{};

    /// Decides about one call. A limit of zero forbids every call, also one whose price is not known.
    [[nodiscard]] Admission admit(const CallCost& call) const;
    /// Why no call at all may be made any more; nullopt where one may.
    [[nodiscard]] std::optional<std::string> refusal() const;
};

}  // namespace oiab::agent
