/// @file  What the service tells systemd, heard at the socket that the service manager would listen on.

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstring>
#include <fstream>

#include "daemon.hpp"
#include "support/temporary_directory.hpp"

using namespace oiab::tests;

namespace {

class ServiceManager {
public:
    ServiceManager() {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        const auto name = path();
        REQUIRE(name.size() < sizeof address.sun_path);
        std::memcpy(address.sun_path, name.data(), name.size());
        REQUIRE(::bind(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
    }
    ServiceManager(const ServiceManager&) = delete;
    ServiceManager& operator=(const ServiceManager&) = delete;
    ~ServiceManager() { ::close(socket_); }

    [[nodiscard]] std::string path() const { return directory_.path() + "/notify"; }

    /// @returns the next state that it is told; fails the test after half a minute
    std::string next() {
        pollfd watched{socket_, POLLIN, 0};
        REQUIRE(::poll(&watched, 1, 30'000) == 1);
        std::array<char, 256> state;
        const auto size = ::recv(socket_, state.data(), state.size(), 0);
        REQUIRE(size >= 0);
        return {state.data(), static_cast<std::size_t>(size)};
    }

    void wait_for(std::string_view state) {
        while (next() != state) {
        }
    }

private:
    TemporaryDirectory directory_;
    int socket_ = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
};

bool has_loaded(pid_t pid, std::string_view library) {
    std::ifstream maps{"/proc/" + std::to_string(pid) + "/maps"};
    const std::string all{std::istreambuf_iterator<char>{maps}, {}};
    REQUIRE(all.find("/libc.so") != std::string::npos);
    return all.find(library) != std::string::npos;
}

}  // namespace

TEST_CASE("systemd: the service says that it is ready, that it lives and that it stops") {
    TestDatabase database;
    ServiceManager systemd;
    auto cli = quick_cli(database);
    cli.environment["NOTIFY_SOCKET"] = systemd.path();
    const auto daemon = cli.start({});
    systemd.wait_for("READY=1");
    systemd.wait_for("WATCHDOG=1");
    daemon->signal(SIGTERM);
    systemd.wait_for("STOPPING=1");
    CHECK(daemon->wait_or_fail().code == 0);
}

TEST_CASE("systemd: where it is not, its library is not loaded") {
    TestDatabase database;
    const auto daemon = quick_cli(database).start({});
    wait_until_ready(*daemon);
    CHECK_FALSE(has_loaded(daemon->pid(), "/libsystemd.so"));
    daemon->signal(SIGTERM);
    CHECK(daemon->wait_or_fail().code == 0);
}

TEST_CASE("systemd: a log for the journal goes to stderr where no journal answers") {
    TestDatabase database;
    auto cli = quick_cli(database);
    cli.environment["OIABD_LOG_FORMAT"] = "journald";
    const auto daemon = cli.start({});
    // With systemd on the machine the journal has the lines.
    const bool journal_answers = ::access("/run/systemd/journal/socket", F_OK) == 0;
    eventually(
        30s,
        [&] {
            return database.value("SELECT to_regclass('workers') IS NOT NULL") == "t" &&
                   database.value("SELECT count(*) FROM workers") == "1";
        },
        "the daemon works");
    if (!journal_answers)
        eventually(30s, [&] { return daemon->err().find("ready") != std::string::npos; }, "the log is on stderr");
    daemon->signal(SIGTERM);
    CHECK(daemon->wait_or_fail().code == 0);
}
