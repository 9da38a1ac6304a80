#include "pg/listener.hpp"

#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <pqxx/connection>
#include <pqxx/except>
#include <system_error>
#include <utility>

#include "pg/database_error.hpp"
#include "pg/trouble.hpp"

namespace oiab::pg {
namespace {

constexpr std::chrono::milliseconds kFirstPause{250};
constexpr std::chrono::milliseconds kLongestPause{15'000};

std::chrono::milliseconds jittered(std::chrono::milliseconds pause, core::Random& random) {
    return pause / 2 +
           std::chrono::milliseconds{static_cast<int>(random.uniform() * static_cast<double>(pause.count() / 2))};
}

}  // namespace

Listener::Listener(SessionSettings settings, std::vector<std::string> channels, Callbacks callbacks,
                   core::Random& random, const observe::Log& log)
    : session_{std::move(settings)},
      channels_{std::move(channels)},
      callbacks_{std::move(callbacks)},
      random_{random},
      log_{log},
      stop_descriptor_{::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)},
      next_pause_{kFirstPause} {
    if (stop_descriptor_ < 0) throw std::system_error{errno, std::generic_category(), "eventfd for the listener"};
}

Listener::~Listener() {
    request_stop();
    join();
    ::close(stop_descriptor_);
}

void Listener::start() {
    thread_ = std::thread{[this] { serve(); }};
    pthread_setname_np(thread_.native_handle(), "listen");
}

void Listener::request_stop() noexcept {
    const std::uint64_t one = 1;
    // Fails only when the counter is full, and then the descriptor is readable already.
    [[maybe_unused]] const auto written = ::write(stop_descriptor_, &one, sizeof one);
    // After the descriptor: the thread must take the broken connection for the stop that it is.
    session_.cut_for_good();
}

void Listener::join() {
    if (thread_.joinable()) thread_.join();
}

bool Listener::pause(std::chrono::milliseconds wait) noexcept {
    pollfd stop{stop_descriptor_, POLLIN, 0};
    return ::poll(&stop, 1, static_cast<int>(wait.count())) == 0;
}

void Listener::serve() {
    try {
        do {
            try {
                return listen_until_broken();
            } catch (const DatabaseError& e) {
                session_.discard();
                if (!pause(std::chrono::milliseconds::zero())) return;
                log_.warn("not listening; the poll goes on, and listening is tried again",
                          {{"error", e.what()}, {"pause_ms", next_pause_.count()}});
            }
        } while (pause(jittered(std::exchange(next_pause_, std::min(next_pause_ * 2, kLongestPause)), random_)));
    } catch (const std::exception& e) {
        callbacks_.failed(std::string{"the listener ended: "} + e.what());
    }
}

void Listener::listen_until_broken() {
    auto& connection = session_.connection();
    try {
        {
            const Session::Busy busy{session_};
            for (const auto& channel : channels_) {
                connection.listen(channel, [this](pqxx::notification notification) {
                    callbacks_.notified(notification.channel.c_str(), notification.payload.c_str());
                });
            }
        }
        next_pause_ = kFirstPause;
        callbacks_.listening();
        while (true) {
            pollfd descriptors[2] = {{connection.sock(), POLLIN, 0}, {stop_descriptor_, POLLIN, 0}};
            if (::poll(descriptors, 2, -1) < 0 && errno != EINTR)
                throw std::system_error{errno, std::generic_category(), "poll of the listener"};
            if (descriptors[1].revents != 0) return;
            if (descriptors[0].revents != 0) connection.get_notifs();
        }
    } catch (const pqxx::failure&) {
        throw_translated(Moment::kInTransaction);
    }
}

}  // namespace oiab::pg
