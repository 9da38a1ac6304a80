#include "clients/sse.hpp"

#include <charconv>
#include <utility>

namespace oiab::clients {

bool SseParser::push(std::string_view bytes, std::vector<SseEvent>& events) {
    while (!bytes.empty()) {
        if (std::exchange(after_cr_, false) && bytes.front() == '\n') {
            bytes.remove_prefix(1);
            continue;
        }
        const auto end = bytes.find_first_of("\r\n");
        line_.append(bytes.substr(0, end));
        if (line_.size() + current_.data.size() > max_event_bytes_) return false;
        if (end == std::string_view::npos) return true;
        after_cr_ = bytes[end] == '\r';
        bytes.remove_prefix(end + 1);
        take_line(line_, events);
        line_.clear();
    }
    return true;
}

void SseParser::take_line(std::string_view line, std::vector<SseEvent>& events) {
    if (std::exchange(at_start_, false) && line.starts_with("\xEF\xBB\xBF")) line.remove_prefix(3);
    if (line.empty()) {
        if (has_data_) events.push_back(current_);
        current_.event.clear();
        current_.data.clear();
        has_data_ = false;
        return;
    }
    const auto colon = line.find(':');
    if (colon == 0) return;  // a comment, often sent to keep the connection alive
    const std::string_view field = line.substr(0, colon);
    std::string_view value = colon == std::string_view::npos ? std::string_view{} : line.substr(colon + 1);
    if (value.starts_with(' ')) value.remove_prefix(1);
    if (field == "data") {
        if (has_data_) current_.data.push_back('\n');
        current_.data.append(value);
        has_data_ = true;
    } else if (field == "event") {
        current_.event = value;
    } else if (field == "id" && value.find('\0') == std::string_view::npos) {
        current_.id = value;
    } else if (field == "retry" && !value.empty() && value.size() < 9 &&
               value.find_first_not_of("0123456789") == std::string_view::npos) {
        int told = 0;
        std::from_chars(value.data(), value.data() + value.size(), told);
        retry_ = std::chrono::milliseconds{told};
    }
}

}  // namespace oiab::clients
