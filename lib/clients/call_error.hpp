#pragma once
/// @file  Why a remote call brought no answer, and whether it may be repeated. A value; any thread.

#include <string>
#include <string_view>

namespace oiab::clients {

enum class CallFailure {
    kConnect,    ///< no connection: name not found, refused, unreachable, no connection within the connect timeout
    kTimeout,    ///< the deadline passed, or the peer fell silent for longer than the stall timeout
    kCancelled,  ///< the caller's cancellation slot fired, or the client stopped
    kTruncated,  ///< the connection broke before the answer was complete
    kTooLarge,   ///< head or body passed the request's bounds
    kProtocol,   ///< the peer speaks no HTTP, or the request itself is malformed
    kTls,        ///< the handshake failed or the certificate does not verify
};

enum class Repeat {
    kSafe,    ///< nothing was sent, or the request is idempotent by its method or its key
    kUnsafe,  ///< the peer may have acted on it
};

struct CallError {
    CallFailure kind = CallFailure::kConnect;
    std::string message;  ///< what was attempted and what happened; names the origin only, never path, query or headers
    Repeat repeat = Repeat::kUnsafe;
};

[[nodiscard]] std::string_view to_string(CallFailure kind) noexcept;

}  // namespace oiab::clients
