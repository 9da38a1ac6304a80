#pragma once
/// @file  Keeps the metrics file fresh, in a thread of its own: a file system that hangs then holds up neither the
/// watch over the leases nor a session. For the service; nothing runs before start().

#include <thread>

#include "observe/metrics_file.hpp"

namespace oiab::observe {

class MetricsWriter {
public:
    MetricsWriter(std::string path, const Metrics& metrics, const Log& log);
    MetricsWriter(const MetricsWriter&) = delete;
    MetricsWriter& operator=(const MetricsWriter&) = delete;
    ~MetricsWriter() { stop(); }

    /// Writes at once, then every few seconds.
    void start();
    /// Ends the thread and removes the file. Blocks for a write under way; idempotent.
    void stop() noexcept;

private:
    void keep_fresh(const std::stop_token& stopped);

    MetricsFile file_;
    std::jthread thread_;
};

}  // namespace oiab::observe
