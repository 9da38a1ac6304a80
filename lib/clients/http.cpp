#include "clients/http.hpp"

#include "clients/call_error.hpp"

namespace oiab::clients {

std::string_view to_string(CallFailure kind) noexcept {
    switch (kind) {
        case CallFailure::kConnect: return "connect";
        case CallFailure::kTimeout: return "timeout";
        case CallFailure::kCancelled: return "cancelled";
        case CallFailure::kTruncated: return "truncated";
        case CallFailure::kTooLarge: return "too_large";
        case CallFailure::kProtocol: return "protocol";
        case CallFailure::kTls: return "tls";
    }
    return "unknown";
}

std::optional<std::string_view> HttpHead::find_header(std::string_view name) const noexcept {
    for (const auto& [key, value] : headers) {
        if (key == name) return value;
    }
    return std::nullopt;
}

}  // namespace oiab::clients
