#include "core/job.hpp"

#include <nlohmann/json.hpp>

namespace oiab::core {

nlohmann::json Job::payload_json() const { return nlohmann::json::parse(payload); }

}  // namespace oiab::core
