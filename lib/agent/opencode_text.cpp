#include "agent/opencode_text.hpp"

namespace oiab::agent {

using clients::OpencodePart;
using clients::OpencodePartKind;

std::string OpencodeText::take_part(const OpencodePart& part) {
    if (part.kind != OpencodePartKind::kText || part.synthetic) return {};
    if (!part.ended) {
        if (part.text.empty() && !spoken_.contains(part.id)) open_.insert(part.id);
        return {};
    }
    open_.erase(part.id);
    std::string& spoken = spoken_[part.id];
    // What was passed on cannot be taken back; the end may have trimmed it.
    if (part.text.size() <= spoken.size() || !part.text.starts_with(spoken)) return {};
    std::string rest = part.text.substr(spoken.size());
    spoken = part.text;
    return rest;
}

std::string OpencodeText::take_delta(const std::string& part_id, const std::string& delta) {
    if (!open_.contains(part_id)) return {};
    spoken_[part_id] += delta;
    return delta;
}

std::string OpencodeText::take_view(const OpencodeView& view) {
    std::string text;
    for (const auto& answer : view.answers) {
        if (answer.summary) continue;
        for (const auto& part : answer.parts) {
            if (part.ended) text += take_part(part);
        }
    }
    return text;
}

}  // namespace oiab::agent
