#pragma once
/// @file  The figures as a file, for the node exporter's textfile collector. One thread at a time.

#include <string>

#include "observe/log.hpp"
#include "observe/metrics.hpp"

namespace oiab::observe {

/// Whoever reads the file sees one rendering as a whole, or no file.
class MetricsFile {
public:
    /// Does no I/O. `metrics` and `log` outlive it.
    MetricsFile(std::string path, const Metrics& metrics, const Log& log);

    /// Replaces the file, readable by everybody. Where it cannot be written the log says so, once until it can again.
    /// Blocks as long as the file system does.
    void write();

    /// Removes the file: figures of a process that has ended would look like those of one that stands still.
    void remove() noexcept;

private:
    /// @returns the error's number, 0 where all went well
    [[nodiscard]] int try_write(const std::string& text) const noexcept;

    const std::string path_;
    const std::string draft_;  ///< beside it, so that a rename replaces it; the collector reads no such name
    const Metrics& metrics_;
    const Log& log_;
    bool failed_ = false;
};

}  // namespace oiab::observe
