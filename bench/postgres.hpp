#pragma once
/// @file  A thin owner of a libpq connection for the measuring programs: they show what the server can do, so nothing
/// stands between them and libpq. One thread each.

#include <libpq-fe.h>

#include <initializer_list>
#include <memory>
#include <span>
#include <string>

namespace oiab::bench {

struct ClearResult {
    void operator()(PGresult* result) const noexcept { PQclear(result); }
};
using Result = std::unique_ptr<PGresult, ClearResult>;

class Connection {
public:
    /// Connects, blocking. @throws std::runtime_error with libpq's words
    explicit Connection(const std::string& url);
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;
    ~Connection();

    /// Each blocks for the server's answer. @throws std::runtime_error with the server's words
    Result execute(const std::string& sql);
    void prepare(const char* name, const std::string& sql);
    Result run(const char* name, std::initializer_list<const char*> parameters);

    [[nodiscard]] PGconn* native() noexcept { return connection_; }

private:
    Result checked(PGresult* result) const;

    PGconn* connection_;
};

/// `{a,b}` of the first column: an array parameter in its text form.
[[nodiscard]] std::string array_of_first_column(const PGresult* rows);

/// Microseconds since 1970 on the machine's clock, which producer and worker of one machine share.
[[nodiscard]] long long wall_microseconds();

}  // namespace oiab::bench
