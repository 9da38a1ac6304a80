#include "queue/added_records.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "core/json_text.hpp"
#include "queue/sql.hpp"

namespace oiab::queue {
namespace {

/// The row's beginning, which all of them share. Texts of JSON follow as they are: they are as large as a model's
/// answer.
std::string guarded(const Guard& guard) {
    return fmt::format(R"({{"job_id":"{}","epoch":{},"worker":{})", guard.key.id.to_string(), guard.key.epoch.value,
                       core::storable_json(nlohmann::json(guard.worker.value)));
}

std::string quoted(const std::string& text) { return core::storable_json(nlohmann::json(text)); }

}  // namespace

void add_hold(pg::Transaction& tx, const Guard& guard, Missing missing) {
    tx.add(sql::hold_attempts, guarded(guard) + '}', std::move(missing));
}

void add_begun_step(pg::Transaction& tx, const Guard& guard, int attempt, const std::string& name,
                    const std::string& input_hash, Missing missing) {
    tx.add(sql::begin_steps,
           guarded(guard) +
               fmt::format(R"(,"attempt":{},"name":{},"input_hash":{}}})", attempt, quoted(name), quoted(input_hash)),
           std::move(missing));
}

void add_recorded_step(pg::Transaction& tx, const Guard& guard, int attempt, const std::string& name,
                       const std::string& input_hash, const std::string& result, Missing missing) {
    tx.add(sql::record_steps,
           guarded(guard) + fmt::format(R"(,"attempt":{},"name":{},"input_hash":{},"result":{}}})", attempt,
                                        quoted(name), quoted(input_hash), result),
           std::move(missing));
}

void add_done_step(pg::Transaction& tx, const Guard& guard, const std::string& name, const std::string& result,
                   Missing missing) {
    tx.add(sql::settle_steps, guarded(guard) + fmt::format(R"(,"name":{},"result":{}}})", quoted(name), result),
           std::move(missing));
}

void add_completion(pg::Transaction& tx, const Guard& guard, const std::string& result, Missing missing) {
    tx.add(sql::complete_attempts, guarded(guard) + fmt::format(R"(,"result":{}}})", result), std::move(missing));
}

}  // namespace oiab::queue
