/// @file  Producers: --connections of them insert --count jobs in all into --table (or by --insert SQL, which adds $1
/// jobs),
/// --batch rows a statement, and as fast as the server lets them. Prints the seconds that it took.

#include <algorithm>
#include <chrono>
#include <latch>
#include <mutex>

#include "arguments.hpp"
#include "parallel.hpp"
#include "postgres.hpp"

int main(int argc, char** argv) {
    return oiab::bench::program(argc, argv, [](const oiab::bench::Arguments& arguments) {
        const auto url = arguments.required("url");
        const auto batch = arguments.text("batch", "1");
        const long connections = arguments.number("connections", 1);
        const long statements = arguments.number("count", 10'000) / connections / std::stol(batch);
        const auto insert = arguments.text("insert", "INSERT INTO " + arguments.text("table", "jobs") +
                                                         R"( (kind, payload)
                                         SELECT 'noop', '{"number": 123456, "text": "forty-five bytes"}'
                                         FROM generate_series(1, $1::integer))");
        std::latch ready{connections};
        std::mutex mutex;
        auto began = std::chrono::steady_clock::time_point::max();
        oiab::bench::in_parallel(connections, [&](long) {
            oiab::bench::Connection connection{url};
            connection.prepare("insert", insert);
            ready.arrive_and_wait();
            {
                const std::scoped_lock lock{mutex};
                began = std::min(began, std::chrono::steady_clock::now());
            }
            for (long n = 0; n < statements; ++n) connection.run("insert", {batch.c_str()});
        });
        const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
        std::printf("%.6f\n", took.count());
    });
}
