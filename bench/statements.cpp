/// @file  STATEMENTS: the daemon's own claim and settle, word for word, without the daemon: one connection claims, the
/// other settles, as the daemon's two lanes do. The distance from here to BEST is what the contract costs in SQL; the
/// distance from oiabd to here is what the daemon costs.

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "arguments.hpp"
#include "batches.hpp"
#include "bench/sql.hpp"
#include "parallel.hpp"
#include "postgres.hpp"

namespace {

namespace sql = oiab::queue::sql;
constexpr const char* kWorker = "statements";
using oiab::bench::Batches;

/// The low-water mark that the daemon would use: the last row of the claim before.
struct LowWater {
    std::string priority{"{NULL}"};
    std::string run_at{"{NULL}"};
    std::string id{"{NULL}"};

    void follow(const PGresult* jobs) {
        const int count = PQntuples(jobs);
        const int at = PQfnumber(jobs, "run_at");
        const auto microseconds = [&](int row) {
            return std::llround(std::strtod(PQgetvalue(jobs, row, at), nullptr) * 1e6);
        };
        int last = 0;
        for (int row = 1; row < count; ++row)
            if (microseconds(row) > microseconds(last)) last = row;
        priority = std::string{"{"} + PQgetvalue(jobs, 0, PQfnumber(jobs, "priority")) + "}";
        run_at = "{" + std::to_string(microseconds(last)) + "}";
        id = std::string{"{"} + PQgetvalue(jobs, last, PQfnumber(jobs, "id")) + "}";
    }
};

void set_up(oiab::bench::Connection& connection) { connection.execute("SET TimeZone = 'UTC'; SET jit = off"); }

/// Claims until nothing is left; an empty batch ends the settling.
void claim(const std::string& url, const std::string& size, Batches& batches) {
    oiab::bench::Connection connection{url};
    set_up(connection);
    connection.prepare("claim", sql::claim.text);
    for (LowWater mark;;) {
        const auto jobs = connection.run("claim", {"{noop}", size.c_str(), kWorker, "60 s", mark.priority.c_str(),
                                                   mark.run_at.c_str(), mark.id.c_str(), "{NULL}", "f"});
        const int count = PQntuples(jobs.get());
        if (count == 0) return batches.put({});
        mark.follow(jobs.get());
        const int epoch = PQfnumber(jobs.get(), "lease_epoch");
        batches.put({oiab::bench::array_of_first_column(jobs.get()), PQgetvalue(jobs.get(), 0, epoch)});
    }
}

void settle(const std::string& url, Batches& batches) {
    oiab::bench::Connection connection{url};
    set_up(connection);
    connection.prepare("settle", sql::settle_completed.text);
    for (;;) {
        const auto batch = batches.take();
        if (batch.ids.empty()) return;
        connection.run("settle", {batch.ids.c_str(), batch.epoch.c_str(), kWorker});
    }
}

}  // namespace

int main(int argc, char** argv) {
    return oiab::bench::program(argc, argv, [](const oiab::bench::Arguments& arguments) {
        const auto url = arguments.required("url");
        const auto size = arguments.text("batch", "1000");
        Batches batches;
        oiab::bench::in_parallel(2, [&](long number) {
            if (number == 0) {
                claim(url, size, batches);
            } else {
                settle(url, batches);
            }
        });
    });
}
