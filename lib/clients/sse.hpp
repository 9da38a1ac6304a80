#pragma once
/// @file  Server-sent events (WHATWG HTML, section 9.2) out of bytes that arrive in any pieces. One stream's own.

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace oiab::clients {

struct SseEvent {
    std::string event;  ///< empty means "message"
    std::string data;   ///< lines joined by newlines; bytes as they came
    std::string id;
};

class SseParser {
public:
    /// @param max_event_bytes  longest event; whoever sends more is refused
    explicit SseParser(std::size_t max_event_bytes = 8U << 20U) : max_event_bytes_{max_event_bytes} {}

    /// Takes the next bytes and appends the events that they complete. An event that the stream's end cuts off is
    /// never delivered, as the standard wants it.
    /// @returns false once an event has passed the bound; the stream is of no use from then on.
    [[nodiscard]] bool push(std::string_view bytes, std::vector<SseEvent>& events);

    /// How long the stream asks to wait before it is opened again; nullopt where it didn't ask.
    [[nodiscard]] std::optional<std::chrono::milliseconds> retry() const noexcept { return retry_; }

private:
    void take_line(std::string_view line, std::vector<SseEvent>& events);

    std::size_t max_event_bytes_;
    std::string line_;
    SseEvent current_;
    bool has_data_ = false;
    std::optional<std::chrono::milliseconds> retry_;
    bool after_cr_ = false;
    bool at_start_ = true;
};

}  // namespace oiab::clients
