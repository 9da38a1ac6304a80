#pragma once
/// @file  A private PostgreSQL server for tests: own data directory, unix socket and loopback port, gone at exit. Also
/// as root, where it runs as the user postgres. Not thread-safe, except for url() and tcp_url().

#include <sys/types.h>

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace oiab::tests {

class PostgresServer {
public:
    /// The server that the tests of this executable share, started on first use. Fault tests make their own.
    static PostgresServer& shared();

    /// Makes a data directory (a copy of one that initdb made once for the build tree) and starts.
    /// @param options  further settings, as "name=value"; fsync is off unless it is among them
    /// @throws std::runtime_error with the end of the server's log when it is not ready within 60 s
    explicit PostgresServer(std::vector<std::string> options = {});
    PostgresServer(const PostgresServer&) = delete;
    PostgresServer& operator=(const PostgresServer&) = delete;
    /// Stops the server at once and removes its data.
    ~PostgresServer();

    /// Connection string over the unix socket, as superuser.
    [[nodiscard]] std::string url(std::string_view database = "postgres") const;
    /// Connection string over loopback. The user `with_password` (to be created by the test) must give a password here;
    /// everybody else need not.
    [[nodiscard]] std::string tcp_url(std::string_view database = "postgres", std::string_view user = "postgres",
                                      std::string_view password = "") const;

    [[nodiscard]] int port() const noexcept { return port_; }
    [[nodiscard]] pid_t pid() const noexcept { return pid_; }
    [[nodiscard]] bool is_running() const noexcept { return pid_ > 0; }

    /// Starts again on the same data and port. Waits until it answers, at most 60 s.
    void start();
    /// Fast shutdown: sessions are cut, transactions rolled back. Waits until it has ended.
    void stop();
    /// kill -9 of the server and of its children, as when the machine dies. Waits until it has ended.
    void kill();
    void restart() {
        stop();
        start();
    }

    /// The directory with initdb, pg_ctl and the rest.
    [[nodiscard]] static std::filesystem::path binaries();

private:
    void end_with(int signal);
    [[nodiscard]] std::string log_tail() const;

    std::vector<std::string> options_;
    std::filesystem::path directory_;
    int port_ = 0;
    pid_t pid_ = -1;
};

}  // namespace oiab::tests
