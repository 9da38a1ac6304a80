#include "plugin/job_document.hpp"

#include <cmath>
#include <nlohmann/json.hpp>
#include <optional>

#include "clients/utf8.hpp"
#include "core/json_text.hpp"

namespace oiab::plugin {
namespace {

using nlohmann::json;

constexpr std::size_t kLongestError = 500;
constexpr double kLongestWaitSeconds = 366.0 * 24 * 3600;

std::string text_of(const json& value) { return clients::to_valid_utf8(value.get_ref<const std::string&>()); }

/// The member where it is there and not null.
const json* find_member(const json& object, const char* name) {
    const auto found = object.find(name);
    return found == object.end() || found->is_null() ? nullptr : &*found;
}

std::expected<std::optional<std::chrono::milliseconds>, std::string> parse_seconds(const json& object,
                                                                                   const char* name) {
    const json* value = find_member(object, name);
    if (value == nullptr) return std::nullopt;
    if (!value->is_number()) return std::unexpected{std::string{"\""} + name + "\" is not a number"};
    const auto seconds = value->get<double>();
    if (!std::isfinite(seconds) || seconds < 0 || seconds > kLongestWaitSeconds) {
        return std::unexpected{std::string{"\""} + name + "\" is not between 0 and a year"};
    }
    return std::chrono::milliseconds{std::llround(seconds * 1000)};
}

std::expected<std::optional<std::string>, std::string> parse_text(const json& object, const char* name) {
    const json* value = find_member(object, name);
    if (value == nullptr) return std::nullopt;
    if (!value->is_string()) return std::unexpected{std::string{"\""} + name + "\" is not a string"};
    return text_of(*value);
}

std::expected<std::optional<int>, std::string> parse_whole(const json& object, const char* name) {
    const json* value = find_member(object, name);
    if (value == nullptr) return std::nullopt;
    if (!value->is_number_integer() || *value < -1'000'000 || *value > 1'000'000) {
        return std::unexpected{std::string{"\""} + name + "\" is not a whole number of a sensible size"};
    }
    return value->get<int>();
}

}  // namespace

std::string job_document(const core::Job& job, core::Deadline deadline) {
    json document{
        {"id", job.id.to_string()}, {"kind", job.kind}, {"attempt", job.attempt}, {"maxAttempts", job.max_attempts}};
    if (job.tenant_id) document["tenantId"] = job.tenant_id->to_string();
    if (job.user_id) document["userId"] = job.user_id->to_string();
    if (job.serial_key) document["serialKey"] = *job.serial_key;
    if (job.dedupe_key) document["dedupeKey"] = *job.dedupe_key;
    if (deadline.at() != core::Deadline::never().at()) {
        document["timeoutSeconds"] = static_cast<double>(deadline.left().count()) / 1000;
    }
    // The payload goes in as the server's text: parsing it would only cost time and memory, and it may be large.
    std::string text = core::storable_json(document);
    text.pop_back();
    return text + ",\"payload\":" + (job.payload.empty() ? "null" : job.payload) + "}";
}

std::expected<core::Outcome, std::string> parse_outcome(const json& document) {
    if (!document.is_object()) return std::unexpected{"the outcome is not a JSON object"};
    const auto name = parse_text(document, "outcome");
    const auto error = parse_text(document, "error");
    const auto after = parse_seconds(document, "afterSeconds");
    const auto reason = parse_text(document, "reason");
    if (!name) return std::unexpected{name.error()};
    if (!error) return std::unexpected{error.error()};
    if (!after) return std::unexpected{after.error()};
    if (!reason) return std::unexpected{reason.error()};
    const std::string why = presentable(error->value_or("the handler gave no reason"));
    if (*name == "completed") {
        const json* result = find_member(document, "result");
        return core::completed(result == nullptr ? std::string{} : core::storable_json(*result));
    }
    if (*name == "retry") return core::retry(why, *after);
    if (*name == "snoozed") return core::snoozed(after->value_or(std::chrono::milliseconds::zero()));
    if (*name == "failed") {
        // The other reasons are the queue's own findings, which a plugin cannot make.
        const bool invalid = *reason == "invalid_payload";
        return core::failed(invalid ? core::FailureReason::kInvalidPayload : core::FailureReason::kError, why);
    }
    return std::unexpected{"\"outcome\" is none of completed, retry, failed and snoozed"};
}

std::expected<core::NewJob, std::string> parse_new_job(const json& document, const core::Job& parent) {
    if (!document.is_object()) return std::unexpected{"the job is not a JSON object"};
    const auto kind = parse_text(document, "kind");
    const auto dedupe_key = parse_text(document, "dedupeKey");
    const auto serial_key = parse_text(document, "serialKey");
    const auto delay = parse_seconds(document, "delaySeconds");
    const auto timeout = parse_seconds(document, "timeoutSeconds");
    const auto max_attempts = parse_whole(document, "maxAttempts");
    const auto priority = parse_whole(document, "priority");
    for (const auto* text : {&kind, &dedupe_key, &serial_key}) {
        if (!*text) return std::unexpected{text->error()};
    }
    for (const auto* wait : {&delay, &timeout}) {
        if (!*wait) return std::unexpected{wait->error()};
    }
    for (const auto* number : {&max_attempts, &priority}) {
        if (!*number) return std::unexpected{number->error()};
    }
    if (kind->value_or("").empty()) return std::unexpected{"the job has no \"kind\""};
    core::NewJob job;
    job.kind = **kind;
    if (const json* payload = find_member(document, "payload")) job.payload = core::storable_json(*payload);
    job.dedupe_key = *dedupe_key;
    job.serial_key = *serial_key;
    job.delay = *delay;
    if (*timeout) job.timeout = std::chrono::ceil<std::chrono::seconds>(**timeout);
    job.max_attempts = *max_attempts;
    job.priority = *priority;
    job.tenant_id = parent.tenant_id;
    job.user_id = parent.user_id;
    return job;
}

std::string presentable(std::string_view text) {
    std::string line = clients::to_valid_utf8(text.substr(0, 2 * kLongestError));
    for (char& c : line) {
        if (static_cast<unsigned char>(c) < 0x20) c = ' ';
    }
    return clients::shortened(line, kLongestError);
}

}  // namespace oiab::plugin
