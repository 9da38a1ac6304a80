#include "support/postgres_server.hpp"

#include <fcntl.h>
#include <grp.h>
#include <netinet/in.h>
#include <pwd.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <optional>
#include <pqxx/pqxx>
#include <sstream>
#include <stdexcept>
#include <thread>

namespace oiab::tests {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

/// PostgreSQL refuses root, so root hands over to the user that the distribution's package made.
struct Account {
    uid_t uid;
    gid_t gid;
};

std::optional<Account> account_for_root() {
    if (geteuid() != 0) return std::nullopt;
    const passwd* entry = getpwnam("postgres");
    if (entry == nullptr)
        throw std::runtime_error{"running as root, but there is no user postgres to run the server as"};
    return Account{entry->pw_uid, entry->pw_gid};
}

/// Starts a program whose output goes to the log file. It dies with this process.
pid_t spawn(const std::vector<std::string>& command, const fs::path& log) {
    const auto account = account_for_root();
    std::vector<char*> arguments;
    for (const auto& word : command) arguments.push_back(const_cast<char*>(word.c_str()));
    arguments.push_back(nullptr);
    const pid_t pid = fork();
    if (pid < 0) throw std::runtime_error{"fork failed"};
    if (pid > 0) return pid;
    // A group of its own, so that Ctrl-C at the terminal reaches the tests alone, and kill() every process of the
    // server.
    setpgid(0, 0);
    if (account && (setgroups(0, nullptr) != 0 || setgid(account->gid) != 0 || setuid(account->uid) != 0)) _exit(126);
    prctl(PR_SET_PDEATHSIG, SIGQUIT);
    const int output = open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    const int input = open("/dev/null", O_RDONLY | O_CLOEXEC);
    dup2(input, 0);
    dup2(output, 1);
    dup2(output, 2);
    if (chdir("/") != 0) _exit(126);
    setenv("LC_ALL", "C.UTF-8", 1);
    execv(arguments[0], arguments.data());
    _exit(127);
}

void run_to_end(const std::vector<std::string>& command, const fs::path& log) {
    const pid_t pid = spawn(command, log);
    int status = 0;
    waitpid(pid, &status, 0);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        std::ifstream in{log};
        std::ostringstream text;
        text << in.rdbuf();
        throw std::runtime_error{command.front() + " failed: " + text.str()};
    }
}

fs::path new_directory() {
    std::string name = (fs::temp_directory_path() / "oiab-pg-XXXXXX").string();
    if (mkdtemp(name.data()) == nullptr) throw std::runtime_error{"cannot make a directory " + name};
    if (const auto account = account_for_root()) {
        if (chown(name.c_str(), account->uid, account->gid) != 0) throw std::runtime_error{"cannot hand over " + name};
    }
    return name;
}

/// initdb takes a second; a copy of its result a tenth of that. The result is kept in the build tree.
void make_data_directory(const fs::path& directory) {
    const fs::path kept = fs::path{OIAB_BINARY_DIR} / "postgres_template";
    const int lock = open((kept.string() + ".lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (lock >= 0) flock(lock, LOCK_EX);
    const auto log = directory / "initdb.log";
    if (!fs::exists(kept / "data" / "PG_VERSION")) {
        run_to_end({(PostgresServer::binaries() / "initdb").string(), "-D", (directory / "data").string(), "-A",
                    "trust", "-U", "postgres", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"},
                   log);
        fs::remove_all(kept);
        fs::create_directories(kept);
        if (std::system(("cp -a '" + (directory / "data").string() + "' '" + kept.string() + "/'").c_str()) != 0) {
            fs::remove_all(kept);
        }
    } else if (std::system(("cp -a '" + (kept / "data").string() + "' '" + directory.string() + "/'").c_str()) != 0) {
        throw std::runtime_error{"cannot copy " + kept.string()};
    }
    if (lock >= 0) close(lock);
}

int free_port() {
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address;
    auto* generic = reinterpret_cast<sockaddr*>(&address);
    const bool bound = bind(fd, generic, length) == 0 && getsockname(fd, generic, &length) == 0;
    close(fd);
    if (!bound) throw std::runtime_error{"no free loopback port"};
    return ntohs(address.sin_port);
}

}  // namespace

PostgresServer& PostgresServer::shared() {
    static PostgresServer server;
    return server;
}

fs::path PostgresServer::binaries() {
    if (const char* named = std::getenv("OIAB_PG_BINDIR")) return named;
    fs::path best;
    int best_version = 0;
    const fs::path root = "/usr/lib/postgresql";
    if (fs::exists(root)) {
        for (const auto& entry : fs::directory_iterator{root}) {
            const int version = std::atoi(entry.path().filename().c_str());
            if (version > best_version && fs::exists(entry.path() / "bin" / "postgres")) {
                best_version = version;
                best = entry.path() / "bin";
            }
        }
    }
    if (best.empty())
        throw std::runtime_error{
            "no PostgreSQL server under /usr/lib/postgresql; name its bin directory in OIAB_PG_BINDIR"};
    return best;
}

PostgresServer::PostgresServer(std::vector<std::string> options)
    : options_{std::move(options)}, directory_{new_directory()} {
    try {
        make_data_directory(directory_);
        std::ofstream hba{directory_ / "data" / "pg_hba.conf", std::ios::trunc};
        hba << "local all all trust\n"
               "local replication all trust\n"
               "host all with_password 127.0.0.1/32 scram-sha-256\n"
               "host all all 127.0.0.1/32 trust\n";
        hba.close();
        port_ = free_port();
        start();
    } catch (...) {  // the destructor will not run
        if (pid_ > 0) kill();
        fs::remove_all(directory_);
        throw;
    }
}

PostgresServer::~PostgresServer() {
    if (pid_ > 0) end_with(SIGQUIT);
    std::error_code ignored;
    fs::remove_all(directory_, ignored);
}

std::string PostgresServer::url(std::string_view database) const {
    return "host=" + directory_.string() + " port=" + std::to_string(port_) +
           " user=postgres dbname=" + std::string{database};
}

std::string PostgresServer::tcp_url(std::string_view database, std::string_view user, std::string_view password) const {
    std::string url = "postgresql://" + std::string{user};
    if (!password.empty()) url += ":" + std::string{password};
    return url + "@127.0.0.1:" + std::to_string(port_) + "/" + std::string{database};
}

void PostgresServer::start() {
    std::vector<std::string> command{(binaries() / "postgres").string(),
                                     "-D",
                                     (directory_ / "data").string(),
                                     "-k",
                                     directory_.string(),
                                     "-p",
                                     std::to_string(port_)};
    for (const char* setting :
         {"listen_addresses=127.0.0.1", "fsync=off", "full_page_writes=off", "max_connections=200",
          "shared_buffers=64MB", "max_wal_size=2GB", "logging_collector=off", "log_min_messages=warning",
          "log_line_prefix=%m [%p] %a ", "timezone=UTC", "log_timezone=UTC"}) {
        command.insert(command.end(), {"-c", setting});
    }
    for (const auto& setting : options_) command.insert(command.end(), {"-c", setting});
    pid_ = spawn(command, directory_ / "server.log");

    const auto end = std::chrono::steady_clock::now() + 60s;
    for (;;) {
        int status = 0;
        if (waitpid(pid_, &status, WNOHANG) == pid_) {
            pid_ = -1;
            throw std::runtime_error{"the server ended while starting:\n" + log_tail()};
        }
        try {
            const pqxx::connection probe{url()};
            return;
        } catch (const pqxx::broken_connection&) {
            if (std::chrono::steady_clock::now() >= end)
                throw std::runtime_error{"the server is not ready after 60 s:\n" + log_tail()};
        }
        std::this_thread::sleep_for(5ms);
    }
}

void PostgresServer::stop() { end_with(SIGINT); }

void PostgresServer::kill() {
    if (pid_ <= 0) return;
    // Each child leads a process group of its own, so they are found by their parent.
    std::vector<pid_t> children;
    std::ifstream list{"/proc/" + std::to_string(pid_) + "/task/" + std::to_string(pid_) + "/children"};
    for (pid_t child = 0; list >> child;) children.push_back(child);
    ::kill(pid_, SIGSTOP);  // or it would begin to recover from the first child's death
    for (const pid_t child : children) ::kill(child, SIGKILL);
    end_with(SIGKILL);
    // A new server refuses to start while a child of the old one still has the shared memory.
    const auto end = std::chrono::steady_clock::now() + 10s;
    for (const pid_t child : children) {
        while (::kill(child, 0) == 0 && std::chrono::steady_clock::now() < end) std::this_thread::sleep_for(1ms);
    }
    std::error_code ignored;
    fs::remove(directory_ / "data" / "postmaster.pid", ignored);
}

void PostgresServer::end_with(int signal) {
    if (pid_ <= 0) return;
    ::kill(pid_, signal);
    int status = 0;
    waitpid(pid_, &status, 0);
    pid_ = -1;
}

std::string PostgresServer::log_tail() const {
    std::ifstream in{directory_ / "server.log"};
    std::vector<std::string> lines;
    for (std::string line; std::getline(in, line);) lines.push_back(line);
    std::string tail;
    for (std::size_t i = lines.size() > 20 ? lines.size() - 20 : 0; i < lines.size(); ++i) tail += lines[i] + "\n";
    return tail;
}

}  // namespace oiab::tests
