#include "daemon/job_text.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "daemon/output.hpp"

namespace oiab::daemon {
namespace {

using nlohmann::json;

/// A payload of megabytes on a terminal helps nobody; --json has it whole.
constexpr std::size_t kShownJson = 4'000;

json text_or_null(const std::optional<std::string>& text) { return text ? json(*text) : json(nullptr); }
json json_or_null(const std::optional<std::string>& text) { return text ? json_of(*text) : json(nullptr); }

class Facts {
public:
    void add(std::string_view name, const std::string& value) {
        text_ += fmt::format("{:<14}{}\n", name, harmless(value));
    }
    void add(std::string_view name, const std::optional<std::string>& value) {
        if (value && !value->empty()) add(name, *value);
    }
    void add_json(std::string_view name, const std::optional<std::string>& value) {
        if (value) add(name, cut(*value, kShownJson));
    }
    [[nodiscard]] const std::string& text() const { return text_; }

private:
    std::string text_;
};

}  // namespace

json to_json(const queue::JobView& job) {
    json value{{"id", job.id.to_string()},
               {"kind", job.kind},
               {"status", core::to_string(job.status)},
               {"priority", job.priority},
               {"attempts", job.attempts},
               {"maxAttempts", job.max_attempts},
               {"crashCount", job.crash_count},
               {"leaseEpoch", job.lease_epoch},
               {"laneReady", job.lane_ready},
               {"cancelRequested", job.cancel_requested},
               {"runAt", job.run_at},
               {"createdAt", job.created_at},
               {"startedAt", text_or_null(job.started_at)},
               {"finishedAt", text_or_null(job.finished_at)},
               {"lockedAt", text_or_null(job.locked_at)},
               {"leaseUntil", text_or_null(job.lease_until)},
               {"lockedBy", text_or_null(job.locked_by)},
               {"dedupeKey", text_or_null(job.dedupe_key)},
               {"serialKey", text_or_null(job.serial_key)},
               {"tenantId", text_or_null(job.tenant_id)},
               {"userId", text_or_null(job.user_id)},
               {"failureReason", text_or_null(job.failure_reason)},
               {"error", text_or_null(job.last_error)},
               {"timeoutSeconds", job.timeout_seconds ? json(*job.timeout_seconds) : json(nullptr)}};
    // A list does not load these, so it does not claim that they are null.
    if (job.payload) {
        value["payload"] = json_of(*job.payload);
        value["result"] = json_or_null(job.result);
        value["progress"] = json_or_null(job.progress);
        value["attemptErrors"] = json_or_null(job.attempt_errors);
    }
    return value;
}

json to_json(const queue::StepView& step) {
    return {{"name", step.name},
            {"status", step.status},
            {"attempt", step.attempt},
            {"startedAt", step.started_at},
            {"finishedAt", text_or_null(step.finished_at)},
            {"result", json_or_null(step.result)},
            {"error", text_or_null(step.error)}};
}

std::string job_text(const queue::JobView& job, const std::vector<queue::StepView>& steps) {
    Facts facts;
    facts.add("id", job.id.to_string());
    facts.add("kind", job.kind);
    auto status = std::string{core::to_string(job.status)};
    if (job.failure_reason) status += fmt::format(" ({})", *job.failure_reason);
    if (job.cancel_requested) status += ", cancel requested";
    facts.add("status", status);
    facts.add("attempts", fmt::format("{} of {}", job.attempts, job.max_attempts));
    if (job.crash_count > 0) facts.add("crashes", fmt::format("{}", job.crash_count));
    facts.add("error", job.last_error);
    facts.add("run at", job.run_at);
    facts.add("created", job.created_at);
    facts.add("started", job.started_at);
    facts.add("finished", job.finished_at);
    facts.add("worker", job.locked_by);
    facts.add("lease until", job.lease_until);
    if (job.priority != 0) facts.add("priority", fmt::format("{}", job.priority));
    if (job.timeout_seconds) facts.add("timeout", fmt::format("{}s", *job.timeout_seconds));
    facts.add("dedupe key", job.dedupe_key);
    facts.add("serial key", job.serial_key);
    facts.add("tenant", job.tenant_id);
    facts.add("user", job.user_id);
    facts.add_json("payload", job.payload);
    facts.add_json("progress", job.progress);
    facts.add_json("result", job.result);
    if (job.attempt_errors && *job.attempt_errors != "[]") facts.add_json("failures", job.attempt_errors);
    if (steps.empty()) return facts.text();
    Table table{{"STEP", "STATUS", "ATTEMPT", "STARTED", "FINISHED", "ERROR"}};
    for (const auto& step : steps)
        table.add({step.name, step.status, fmt::format("{}", step.attempt), step.started_at,
                   step.finished_at.value_or("-"), cut(step.error.value_or(""), 60)});
    return facts.text() + "\n" + table.render();
}

std::string outcome_text(const queue::JobView& job) {
    if (job.status == core::Status::kCompleted)
        return job.result ? fmt::format("completed: {}\n", cut(*job.result, kShownJson)) : "completed\n";
    return fmt::format("{} ({}): {}\n", core::to_string(job.status), job.failure_reason.value_or("error"),
                       harmless(job.last_error.value_or("no error was recorded")));
}

}  // namespace oiab::daemon
