#pragma once
/// @file  Lines out of bytes that arrive in any pieces, with a bound. One stream's own.

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

namespace oiab::plugin {

class LineBuffer {
public:
    explicit LineBuffer(std::size_t max_line) : max_line_{max_line} {}

    /// Takes the next bytes and tells `each(std::string_view)` of every line that they complete, without its end.
    /// @returns false once a line has passed the bound; what came of it is thrown away.
    template <typename Each>
    [[nodiscard]] bool push(std::string_view bytes, Each each) {
        bool within = true;
        while (!bytes.empty()) {
            const auto end = bytes.find('\n');
            pending_.append(bytes.substr(0, end));
            if (pending_.size() > max_line_) {
                within = false;
                pending_.clear();
            } else if (end != std::string_view::npos) {
                each(std::string_view{pending_});
                pending_.clear();
            }
            if (end == std::string_view::npos) break;
            bytes.remove_prefix(end + 1);
        }
        return within;
    }

    /// The last line, where nothing ended it.
    [[nodiscard]] std::string take_rest() { return std::exchange(pending_, {}); }

private:
    std::size_t max_line_;
    std::string pending_;
};

}  // namespace oiab::plugin
