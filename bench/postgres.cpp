#include "postgres.hpp"

#include <chrono>
#include <stdexcept>

namespace oiab::bench {
namespace {

int count_of(std::initializer_list<const char*> parameters) { return static_cast<int>(parameters.size()); }

}  // namespace

Connection::Connection(const std::string& url) : connection_{PQconnectdb(url.c_str())} {
    if (PQstatus(connection_) != CONNECTION_OK) {
        const std::string message = PQerrorMessage(connection_);
        PQfinish(connection_);
        throw std::runtime_error{message};
    }
}

Connection::~Connection() { PQfinish(connection_); }

Result Connection::checked(PGresult* result) const {
    Result owned{result};
    const auto status = PQresultStatus(result);
    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK)
        throw std::runtime_error{result == nullptr ? PQerrorMessage(connection_) : PQresultErrorMessage(result)};
    return owned;
}

Result Connection::execute(const std::string& sql) { return checked(PQexec(connection_, sql.c_str())); }

void Connection::prepare(const char* name, const std::string& sql) {
    (void)checked(PQprepare(connection_, name, sql.c_str(), 0, nullptr));
}

Result Connection::run(const char* name, std::initializer_list<const char*> parameters) {
    return checked(PQexecPrepared(connection_, name, count_of(parameters), parameters.begin(), nullptr, nullptr, 0));
}

std::string array_of_first_column(const PGresult* rows) {
    std::string array{'{'};
    const int count = PQntuples(rows);
    array.reserve(static_cast<std::size_t>(count) * 37 + 2);
    for (int i = 0; i < count; ++i) {
        if (i != 0) array += ',';
        array += PQgetvalue(rows, i, 0);
    }
    array += '}';
    return array;
}

long long wall_microseconds() {
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    return std::chrono::duration_cast<std::chrono::microseconds>(now).count();
}

}  // namespace oiab::bench
