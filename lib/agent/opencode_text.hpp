#pragma once
/// @file  The words of a turn in the order in which they were spoken, out of opencode's deltas and its messages: a part
/// that was seen from its beginning is passed on word by word, one that was not as a whole, each once. One turn's own.

#include <map>
#include <set>
#include <string>
#include <string_view>

#include "agent/opencode_view.hpp"

namespace oiab::agent {

class OpencodeText {
public:
    /// A text part was told of. @returns what is new of it.
    [[nodiscard]] std::string take_part(const clients::OpencodePart& part);
    /// A piece of a part's text. @returns it, or nothing where the part was not seen from its beginning.
    [[nodiscard]] std::string take_delta(const std::string& part_id, const std::string& delta);
    /// Everything that was said by now. @returns what is new.
    [[nodiscard]] std::string take_view(const OpencodeView& view);
    /// Deltas may have been missed: parts that are under way are passed on when they are complete.
    void forget_open_parts() { open_.clear(); }

private:
    std::set<std::string> open_;                 ///< seen from their beginning
    std::map<std::string, std::string> spoken_;  ///< what was passed on of each part
};

}  // namespace oiab::agent
