#include "queue/steps.hpp"

#include <pqxx/params>
#include <pqxx/result>

#include "queue/clean_text.hpp"
#include "queue/rows.hpp"
#include "queue/sql.hpp"

namespace oiab::queue {
namespace {

std::string_view to_string(StepStatus status) {
    switch (status) {
        case StepStatus::kIntended: return "intended";
        case StepStatus::kDone: return "done";
        case StepStatus::kFailed: return "failed";
        case StepStatus::kUnknown: return "unknown";
    }
    throw std::logic_error{"an unknown status of a step"};
}

pqxx::params guard_parameters(const Guard& guard) {
    return pqxx::params{guard.key.id.to_string(), guard.key.epoch.value, guard.worker.value};
}

}  // namespace

BegunStep begin_step(pg::Transaction& tx, const Guard& guard, int attempt, const std::string& name,
                     const std::string& input_hash) {
    auto parameters = guard_parameters(guard);
    parameters.append(name);
    parameters.append(input_hash);
    parameters.append(attempt);
    const auto rows = tx.run(sql::begin_step, parameters);
    if (rows.empty()) return {.answer = StepBegin::kLost};
    if (!rows[0][1].as<bool>()) return {.answer = StepBegin::kInputDiffers};
    const auto status = rows[0][0].view();
    if (status == "done") return {StepBegin::kDone, text_of(rows[0][2])};
    return {.answer = status == "unknown" ? StepBegin::kUnknown : StepBegin::kFresh};
}

bool record_step(pg::Transaction& tx, const Guard& guard, int attempt, const std::string& name,
                 const std::string& input_hash, const std::string& result) {
    auto parameters = guard_parameters(guard);
    parameters.append(name);
    parameters.append(input_hash);
    parameters.append(attempt);
    parameters.append(result);
    return !tx.run(sql::record_step, parameters).empty();
}

bool restart_step(pg::Transaction& tx, const Guard& guard, int attempt, const std::string& name) {
    auto parameters = guard_parameters(guard);
    parameters.append(name);
    parameters.append(attempt);
    return !tx.run(sql::restart_step, parameters).empty();
}

bool settle_step(pg::Transaction& tx, const Guard& guard, const std::string& name, StepStatus status,
                 const std::string& text) {
    const bool is_done = status == StepStatus::kDone;
    auto parameters = guard_parameters(guard);
    parameters.append(name);
    parameters.append(std::string{to_string(status)});
    parameters.append(is_done ? std::optional{text} : std::nullopt);
    parameters.append(is_done ? std::nullopt : std::optional{clean_text(text)});
    return !tx.run(sql::settle_step, parameters).empty();
}

ResolveAnswer resolve_step(pg::Transaction& tx, core::JobId id, const std::string& name,
                           const std::optional<std::string>& done) {
    const auto resolved = done ? tx.run(sql::resolve_step_done, pqxx::params{id.to_string(), name, *done})
                               : tx.run(sql::resolve_step_repeat, pqxx::params{id.to_string(), name});
    if (!resolved.empty()) return ResolveAnswer::kResolved;
    const auto step = tx.run(sql::find_step, pqxx::params{id.to_string(), name});
    if (step.empty()) return ResolveAnswer::kNoSuchStep;
    return step[0][1].as<bool>() ? ResolveAnswer::kJobRunning : ResolveAnswer::kNotUnknown;
}

}  // namespace oiab::queue
