#include "observe/metrics_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <system_error>
#include <utility>

namespace oiab::observe {
namespace {

/// The collector runs as a user of its own, whatever umask the service has.
constexpr mode_t kMode = 0644;

/// @returns the error's number, 0 where all of the text was written
int write_all(int file, std::string_view text) noexcept {
    while (!text.empty()) {
        const auto written = ::write(file, text.data(), text.size());
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) return errno;
        text.remove_prefix(static_cast<std::size_t>(written));
    }
    return 0;
}

}  // namespace

MetricsFile::MetricsFile(std::string path, const Metrics& metrics, const Log& log)
    : path_{std::move(path)}, draft_{path_ + ".draft"}, metrics_{metrics}, log_{log} {}

void MetricsFile::write() {
    const int error = try_write(metrics_.render());
    if (error != 0 && !failed_)
        log_.warn("could not write the metrics file; trying again",
                  {{"file", path_}, {"error", std::generic_category().message(error)}});
    if (error == 0 && failed_) log_.info("the metrics file is written again", {{"file", path_}});
    failed_ = error != 0;
}

int MetricsFile::try_write(const std::string& text) const noexcept {
    // What a process that was killed left there; and never through somebody's link.
    ::unlink(draft_.c_str());
    const int file = ::open(draft_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, kMode);
    if (file < 0) return errno;
    int error = ::fchmod(file, kMode) == 0 ? 0 : errno;
    if (error == 0) error = write_all(file, text);
    if (::close(file) != 0 && error == 0) error = errno;
    if (error == 0 && ::rename(draft_.c_str(), path_.c_str()) != 0) error = errno;
    if (error != 0) ::unlink(draft_.c_str());
    return error;
}

void MetricsFile::remove() noexcept { ::unlink(path_.c_str()); }

}  // namespace oiab::observe
