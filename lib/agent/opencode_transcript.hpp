#pragma once
/// @file  What is known of the messages of one opencode session, kept from look to look, so that each look asks for
/// little more than what is new. Pure; one turn's own.

#include <string>
#include <vector>

#include "clients/opencode_values.hpp"

namespace oiab::agent {

class OpencodeTranscript {
public:
    /// How many of the newest messages are to be asked for.
    [[nodiscard]] int limit() const noexcept { return limit_; }
    [[nodiscard]] bool is_empty() const noexcept { return known_.empty(); }

    /// Takes what came: the newest messages, oldest of them first. opencode writes to the last assistant's message and
    /// to what follows it; what stands before was read when it was complete.
    /// @param back_to  id of the message that is the first of interest; empty: all are
    /// @returns whether nothing of interest is missing. Otherwise limit() has grown, and one is to ask again.
    [[nodiscard]] bool take(std::vector<clients::OpencodeMessage> newest, const std::string& back_to);
    /// Nothing of interest is missing although take() could not know.
    void accept();

    /// In order.
    [[nodiscard]] const std::vector<clients::OpencodeMessage>& messages() const noexcept { return known_; }

private:
    [[nodiscard]] bool join(std::vector<clients::OpencodeMessage>& newest);
    void replace(std::vector<clients::OpencodeMessage> newest);

    std::vector<clients::OpencodeMessage> known_;
    std::vector<clients::OpencodeMessage> taken_;  ///< by the last take(), where it was not enough
    int limit_ = kFirst;

    static constexpr int kFirst = 20;
    static constexpr int kNext = 10;
    static constexpr int kGrowth = 10;
    static constexpr int kMost = 5000;  ///< longer turns are known from their newest messages on
};

}  // namespace oiab::agent
