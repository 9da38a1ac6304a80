#pragma once
/// @file  A real HTTP/1.1 server on loopback (or a unix socket) whose answers a test scripts in C++.
/// One thread a connection, so that a script may simply wait. Scripts run on those threads; the rest is any thread's.

#include <chrono>
#include <condition_variable>
#include <functional>
#include <list>
#include <map>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace oiab::tests {

/// A moment that a script waits for, or tells of. Every wait is bounded by 30 s and then fails the script or the test.
class SyncPoint {
public:
    void signal();
    /// @returns false when nothing came within the bound.
    [[nodiscard]] bool wait(std::chrono::milliseconds bound = std::chrono::seconds{30});

private:
    std::mutex mutex_;
    std::condition_variable changed_;
    bool signalled_ = false;
};

struct ServedRequest {
    std::string method;
    std::string target;                          ///< path and query as sent
    std::map<std::string, std::string> headers;  ///< names in lower case
    std::string body;

    [[nodiscard]] std::string header(const std::string& name) const;  ///< empty when absent
};

/// The server's end of a connection while a script answers one request. Writing to a client that left ends the script.
class ServedConnection {
public:
    using Headers = std::vector<std::pair<std::string, std::string>>;

    explicit ServedConnection(int descriptor) : descriptor_{descriptor} {}

    /// A whole answer with a Content-Length; the connection stays open for the next request.
    void respond(int status, std::string_view body, const Headers& headers = {});
    void respond_json(int status, std::string_view json, Headers headers = {});

    /// An answer in chunks.
    void begin_chunked(int status, const Headers& headers);
    void chunk(std::string_view data);
    void end_chunks();

    /// Bytes as they are.
    void raw(std::string_view bytes);
    /// Waits until the client closes the connection. @returns false when it is still there after the bound.
    [[nodiscard]] bool wait_for_close(std::chrono::milliseconds bound = std::chrono::seconds{30});
    /// Ends the connection after the script: in order, or with a TCP reset.
    void close_after() noexcept { keep_ = false; }
    void reset() noexcept;

private:
    friend class HttpServer;
    int descriptor_;
    bool keep_ = true;
};

class HttpServer {
public:
    using Script = std::function<void(ServedConnection&, const ServedRequest&)>;

    /// Listens on 127.0.0.1 and a free port. The script answers every request until another is set.
    explicit HttpServer(Script script);
    /// Listens on a unix socket at the path, which must not exist.
    HttpServer(Script script, std::string unix_socket);
    HttpServer(const HttpServer&) = delete;
    HttpServer& operator=(const HttpServer&) = delete;
    ~HttpServer();  ///< Closes every connection and joins.

    /// Scripts for the next requests, one each in order of arrival; afterwards the constant script answers again.
    void next(Script script);
    void set_script(Script script);

    [[nodiscard]] std::string url(std::string_view path = "") const;
    [[nodiscard]] int port() const noexcept { return port_; }
    [[nodiscard]] std::vector<ServedRequest> requests() const;
    [[nodiscard]] std::size_t connections() const;            ///< accepted so far
    [[nodiscard]] std::size_t answering() const;              ///< requests whose scripts have not returned yet
    [[nodiscard]] std::size_t most_at_once() const;           ///< requests being answered at the same time, at most
    [[nodiscard]] std::vector<std::string> failures() const;  ///< what scripts threw, but for a client that left

private:
    void listen_on(int descriptor);
    void accept_connections();
    void serve(int descriptor);
    bool serve_one(int descriptor, std::string& pending);
    Script script_for(const ServedRequest& request);

    std::string unix_socket_;
    int listener_ = -1;
    int port_ = 0;

    mutable std::mutex mutex_;
    Script script_;
    std::list<Script> next_;
    std::vector<ServedRequest> requests_;
    std::vector<std::string> failures_;
    std::list<int> open_;
    std::vector<std::thread> threads_;
    std::size_t accepted_ = 0;
    std::size_t answering_ = 0;
    std::size_t most_at_once_ = 0;
    bool stopping_ = false;
    std::thread acceptor_;
};

}  // namespace oiab::tests
