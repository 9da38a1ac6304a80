#pragma once
/// @file  A job as the parameters of enqueue.sql. For this layer, and for the queue's statements that enqueue under a
/// guard.

#include <chrono>
#include <cstdint>
#include <optional>

#include "oiab/client.hpp"

namespace pqxx {
class params;
}

namespace oiab::producer {

/// What run_at, delay and timeout are to the server.
[[nodiscard]] std::optional<double> run_at_seconds(const client::NewJob& job);
[[nodiscard]] std::optional<std::int64_t> delay_ms(const client::NewJob& job);
[[nodiscard]] std::optional<std::int64_t> timeout_seconds(const client::NewJob& job);

/// $1 to $11 of enqueue.sql.
[[nodiscard]] pqxx::params parameters_of(const client::NewJob& job);

}  // namespace oiab::producer
