#pragma once
/// @file  What the job of a firing is handed. Pure.

#include <expected>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "store/triggers.hpp"

namespace oiab::handlers {

/// The trigger's own payload with a member `trigger` ({id, name, payload?}) that says where the job comes from, and
/// with `{{payload}}` in its texts replaced by what a webhook brought. A turn or plan without a `userId` gets the
/// trigger's.
/// @param brought  what the webhook sent; null for none. It is a stranger's: it fills in texts and names nothing.
/// @returns the payload, or a sentence about what is wrong with the trigger
[[nodiscard]] std::expected<nlohmann::json, std::string> make_fired_payload(const store::TriggerRow& trigger,
                                                                            const nlohmann::json& brought);

}  // namespace oiab::handlers
