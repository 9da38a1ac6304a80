#pragma once
/// @file  Jobs as JSON lines: `{"kind": "mail", "payload": {…}, "priority": 5}`. For `enqueue --batch`. One thread.

#include <cstddef>
#include <cstdint>
#include <expected>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "core/job.hpp"

namespace oiab::daemon {

/// The input cannot be read; the text is the end of a sentence.
class UnreadableInput : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

/// Reads lines from a file descriptor, in the memory of the longest one.
class JobLines {
public:
    /// More than this in a line is refused: PostgreSQL takes no more in one value.
    static constexpr std::size_t kLongestLine = std::size_t{256} << 20U;

    explicit JobLines(int descriptor, std::size_t longest = kLongestLine);

    /// Without its line feed; valid until the next call. The last line needs none. Blocks.
    /// @returns false at the end of the input. @throws UnreadableInput
    [[nodiscard]] bool next(std::string_view& line);
    /// Of the line that was returned last, from 1 on.
    [[nodiscard]] std::uint64_t number() const noexcept { return number_; }

private:
    /// @returns false at the end of the input.
    bool read_more();

    int descriptor_;
    std::size_t longest_;
    std::vector<char> buffer_;
    std::size_t begin_ = 0;  // of what has not been returned
    std::size_t end_ = 0;
    std::uint64_t number_ = 0;
};

/// @returns the job, or what is wrong with the line, as a sentence that quotes nothing of the payload. The payload
/// stays as it was written, so that a number of any precision arrives.
[[nodiscard]] std::expected<core::NewJob, std::string> job_of_line(std::string_view line);

}  // namespace oiab::daemon
