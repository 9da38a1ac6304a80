#pragma once
/// @file  The JSON that executables and endpoints exchange with us. Pure; any thread. See docs/plugins.md.

#include <expected>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include "core/deadline.hpp"
#include "core/job.hpp"
#include "core/outcome.hpp"

namespace oiab::plugin {

/// The job as one line of JSON: id, kind, payload, attempt, maxAttempts, and whichever of tenantId, userId, serialKey,
/// dedupeKey and timeoutSeconds (until the attempt's deadline) there are.
[[nodiscard]] std::string job_document(const core::Job& job, core::Deadline deadline);

/// Reads `{"outcome": "completed" | "retry" | "failed" | "snoozed", "result", "error", "reason", "afterSeconds"}`.
/// @returns what is wrong with it otherwise, as the end of a sentence.
[[nodiscard]] std::expected<core::Outcome, std::string> parse_outcome(const nlohmann::json& document);

/// Reads `{"kind", "payload", "dedupeKey", "delaySeconds", "maxAttempts", "priority", "serialKey", "timeoutSeconds"}`.
/// Tenant and user are those of `parent`: a plugin cannot act for others.
/// @returns what is wrong with it otherwise, as the end of a sentence.
[[nodiscard]] std::expected<core::NewJob, std::string> parse_new_job(const nlohmann::json& document,
                                                                     const core::Job& parent);

/// An error text of foreign making: one line of valid UTF-8, at most 500 bytes.
[[nodiscard]] std::string presentable(std::string_view text);

}  // namespace oiab::plugin
