#include "observe/metrics_writer.hpp"

#include <pthread.h>

#include <chrono>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <stop_token>
#include <utility>

namespace oiab::observe {
namespace {

/// Well below the 15 s that a scrape's interval usually is, so that none sees the same figures twice.
constexpr std::chrono::seconds kInterval{5};

}  // namespace

MetricsWriter::MetricsWriter(std::string path, const Metrics& metrics, const Log& log)
    : file_{std::move(path), metrics, log} {}

void MetricsWriter::start() {
    thread_ = std::jthread{[this](const std::stop_token& stopped) { keep_fresh(stopped); }};
    pthread_setname_np(thread_.native_handle(), "metrics");
}

void MetricsWriter::stop() noexcept {
    if (!thread_.joinable()) return;
    thread_.request_stop();
    thread_.join();
    file_.remove();
}

void MetricsWriter::keep_fresh(const std::stop_token& stopped) {
    std::mutex mutex;
    std::condition_variable_any wakeup;
    std::unique_lock lock{mutex};
    do {
        try {
            file_.write();
        } catch (const std::exception&) {  // out of memory: the next one may come through
        }
    } while (!wakeup.wait_for(lock, stopped, kInterval, [&] { return stopped.stop_requested(); }));
}

}  // namespace oiab::observe
