#pragma once
/// @file  A migrated database with a worker's session on it, and short ways to make and look at jobs. One thread each.

#include <catch2/catch_test_macros.hpp>
#include <chrono>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "core/job.hpp"
#include "pg/transaction.hpp"
#include "queue/claim.hpp"
#include "queue/lanes.hpp"
#include "queue/settle.hpp"
#include "support/test_database.hpp"

namespace oiab::tests {

using namespace std::chrono_literals;
using Json = std::string_view;

struct QueueFixture {
    TestDatabase database;
    pg::Session session{database.settings()};
    queue::WorkerId worker{"host-1-abc"};

    /// Inserts one job as any SQL client would. `columns` and `values` are SQL: insert("priority, run_at", "5, now()").
    core::JobId insert(std::string_view columns = "", std::string_view values = "", std::string_view kind = "noop") {
        std::string sql = "INSERT INTO jobs (kind";
        if (!columns.empty()) sql += ", " + std::string{columns};
        sql += ") VALUES ('" + std::string{kind} + "'";
        if (!values.empty()) sql += ", " + std::string{values};
        return *core::JobId::parse(std::string{database.execute(sql + ") RETURNING id")[0][0].view()});
    }

    /// One expression over the job's row, as text.
    [[nodiscard]] std::string field(core::JobId id, std::string_view expression) {
        return database.value("SELECT " + std::string{expression} + " FROM jobs WHERE id = '" + id.to_string() + "'");
    }
    void update(core::JobId id, std::string_view assignments) {
        database.execute("UPDATE jobs SET " + std::string{assignments} + " WHERE id = '" + id.to_string() + "'");
    }
    [[nodiscard]] std::string status(core::JobId id) { return field(id, "status"); }

    [[nodiscard]] std::vector<core::Job> claim(int limit = 10, std::vector<std::string> kinds = {"noop"}) {
        return claim_as(session, worker, limit, std::move(kinds));
    }
    [[nodiscard]] static std::vector<core::Job> claim_as(pg::Session& as, const queue::WorkerId& who, int limit,
                                                         std::vector<std::string> kinds = {"noop"}) {
        return pg::autocommit(as, [&](pg::Transaction& tx) {
            return queue::claim(tx, {.worker = who, .kinds = std::move(kinds), .limit = limit});
        });
    }
    /// Inserts and claims one.
    [[nodiscard]] core::Job running(std::string_view columns = "", std::string_view values = "") {
        const auto id = insert(columns, values);
        (void)queue::sweep_lanes(session, "");
        for (auto& job : claim(1'000))
            if (job.id == id) return job;
        FAIL("the inserted job was not claimed");
        return {};
    }

    queue::Settled settle(const core::Job& job, core::Outcome outcome) {
        const queue::Settlement one{job.key(), std::move(outcome), job.serial_key.has_value()};
        return queue::settle(session, worker, {&one, 1}).at(0);
    }
    void lapse(core::JobId id) { update(id, "lease_until = now() - interval '1 second'"); }
};

/// The ids of jobs, in their order.
inline std::vector<core::JobId> ids_of(const std::vector<core::Job>& jobs) {
    std::vector<core::JobId> ids;
    for (const auto& job : jobs) ids.push_back(job.id);
    return ids;
}

}  // namespace oiab::tests
