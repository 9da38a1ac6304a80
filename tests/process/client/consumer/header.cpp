/// @file  The header by itself, in C++17 and without libpqxx.

#include <oiab/client.hpp>

void enqueue_something(pqxx::transaction_base& tx) {
    oiab::client::NewJob job;
    job.kind = "mail";
    static_cast<void>(oiab::client::enqueue(tx, job));
}
