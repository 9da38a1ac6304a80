#include "runtime/service.hpp"

#include <fmt/format.h>
#include <pthread.h>

#include <algorithm>
#include <cstdlib>

namespace oiab::runtime {

Service::Service(std::string name, pg::SessionSettings settings, EngineFailed failed, const observe::Log& log)
    : name_{std::move(name)}, session_{std::move(settings)}, failed_{std::move(failed)}, log_{log} {}

Service::~Service() {
    // A thread that still runs would use members that are gone: no recovery is possible.
    if (thread_.joinable()) std::abort();
}

void Service::start() {
    thread_ = std::thread{[this] {
        try {
            serve();
        } catch (const std::exception& e) {
            failed_(fmt::format("the {} failed: {}", name_, e.what()));
        }
    }};
    pthread_setname_np(thread_.native_handle(), name_.substr(0, 15).c_str());
}

void Service::request_stop() noexcept {
    stopping_.store(true, std::memory_order_release);
    wakeup_.ring();
}

void Service::join() {
    if (thread_.joinable()) thread_.join();
}

bool Service::wait(core::Deadline deadline, pg::Channel& channel) {
    // What came along with the answer to a statement is in no socket any more.
    if (channel.take(session_)) return true;
    wakeup_.wait(deadline, channel.descriptor(session_));
    return channel.take(session_);
}

void Service::note_trouble(const pg::DatabaseError& error) {
    ++troubles_;
    // One line for an outage, not one for each attempt; a refusal may change its text, so it is always told.
    if (troubles_ == 1 || error.trouble() == pg::Trouble::kRefused) {
        log_.warn("database trouble; trying again", {{"service", name_},
                                                     {"error", error.what()},
                                                     {"sqlstate", error.sqlstate()},
                                                     {"pause_ms", trouble_pause().count()}});
    }
}

void Service::note_success() {
    if (troubles_ > 1) log_.info("the database is back", {{"service", name_}, {"attempts", troubles_}});
    troubles_ = 0;
}

std::chrono::milliseconds Service::trouble_pause() const noexcept {
    constexpr std::chrono::milliseconds kFirst{100};
    constexpr std::chrono::milliseconds kLongest{5'000};
    const auto full = std::min(kFirst * (1 << std::min(troubles_, 6)), kLongest);
    // Services of one process spread by their names, those of different processes by their scheduling.
    return full / 2 + std::chrono::milliseconds{static_cast<std::int64_t>(std::hash<std::string>{}(name_) %
                                                                          static_cast<std::size_t>(full.count() / 2))};
}

}  // namespace oiab::runtime
