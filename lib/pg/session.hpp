#pragma once
/// @file  One PostgreSQL session with the project's settings. The world of exactly one thread (see Lane).

#include <chrono>
#include <map>
#include <memory>
#include <string>

#include "core/deadline.hpp"
#include "pg/statement.hpp"

namespace pqxx {
class connection;
}

namespace oiab::pg {

enum class Prepare { kAuto, kOff };

struct SessionSettings {
    std::string url;               ///< libpq connection string or URI; never logged
    std::string application_name;  ///< shown in pg_stat_activity
    std::chrono::milliseconds connect_timeout{10'000};
    /// Server-side bound of one statement; zero for none.
    std::chrono::milliseconds statement_timeout{30'000};
    std::chrono::milliseconds lock_timeout{10'000};
    /// kOff where a pooler in transaction mode sits between: unnamed parameters, timeouts by SET LOCAL.
    Prepare prepare = Prepare::kAuto;
    /// Run-time parameters of the session, by name; plain words as values. Not set behind a pooler, where they would
    /// leak into other clients' sessions: nothing may depend on them but speed.
    std::map<std::string, std::string> parameters{};
};

/// Connects on first use and again after a break; a broken connection is thrown away, never reused.
class Session {
public:
    explicit Session(SessionSettings settings);
    Session(const Session&) = delete;
    Session& operator=(const Session&) = delete;
    ~Session();

    /// Connects where there is no connection. Blocks, at most connect_timeout for each host that the URL names, and for
    /// its first statement as for any other.
    /// @throws DatabaseError (kReconnect, or kRefused where trying again cannot help: wrong password, no such database)
    void connect();
    [[nodiscard]] bool is_connected() const noexcept;
    /// Closes the connection; the next use makes a new one.
    void discard() noexcept;

    /// The connection, made where needed. Blocks as connect() does. For pg, queue and store only.
    [[nodiscard]] pqxx::connection& connection();

    /// Prepares the statement once a connection, where preparing is allowed.
    /// @returns whether it is to be called by name.
    bool prepared(const Statement& statement);

    /// Marks the time in which the session waits for the server; made by connect, in_transaction and autocommit.
    class Busy;

    /// Shuts the socket down under a transaction that has been open for longer than `limit`: libpq has no deadline of
    /// its own, and a server that hangs answers no statement_timeout. The owner then sees a broken connection.
    /// Callable from any thread. @returns whether it did.
    bool cut_if_overstaying(std::chrono::steady_clock::duration limit) noexcept;

    /// Shuts the socket down now, and that of every later connection as soon as there is one: nothing waits for the
    /// server any more, but for the rest of a connect_timeout. For the end of an owner that may hang. Any thread.
    void cut_for_good() noexcept;

    [[nodiscard]] const SessionSettings& settings() const noexcept;

private:
    void publish(int descriptor);

    struct State;
    std::unique_ptr<State> state_;
};

/// May be nested; the time counts from the outermost one, or from the connect that came in between.
class Session::Busy {
public:
    explicit Busy(Session& session) noexcept;
    Busy(const Busy&) = delete;
    Busy& operator=(const Busy&) = delete;
    ~Busy();

private:
    Session& session_;
    bool is_outermost_;
};

}  // namespace oiab::pg
