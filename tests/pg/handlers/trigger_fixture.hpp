#pragma once
/// @file  Triggers on a database of the test's own, and an engine that leads, plans and fires them. For tests of
/// triggers, one thread each.

#include <nlohmann/json.hpp>
#include <string>

#include "handlers/trigger_errand.hpp"
#include "handlers/trigger_fire.hpp"
#include "support/engine_fixture.hpp"

namespace oiab::tests {

class Triggers {
public:
    Triggers() {
        registry_.add("trigger-fire", std::make_shared<handlers::TriggerFire>());
        tenant = database.value("INSERT INTO tenants (name, slug) VALUES ('Contoso', 'contoso') RETURNING id");
        user = database.value("INSERT INTO users (handle, tenant_id) VALUES ('ada', $1) RETURNING id",
                              pqxx::params{tenant});
    }

    std::string add(const std::string& expression, const std::string& zone = "UTC") {
        return database.value(
            "INSERT INTO triggers (tenant_id, user_id, name, cron_expression, time_zone, job_kind, job_payload) "
            "VALUES ($1, $2, 'morning', $3, $4, 'report', '{\"size\": 3}') RETURNING id",
            pqxx::params{tenant, user, expression, zone});
    }
    std::string add_webhook(const std::string& kind, const nlohmann::json& payload) {
        return database.value(
            "INSERT INTO triggers (tenant_id, user_id, kind, job_kind, job_payload) VALUES ($1, $2, 'webhook', $3, $4) "
            "RETURNING id",
            pqxx::params{tenant, user, kind, payload.dump()});
    }
    std::string column(const std::string& trigger, const std::string& expression) {
        return database.value("SELECT " + expression + " FROM triggers WHERE id = $1", pqxx::params{trigger});
    }
    void set(const std::string& trigger, const std::string& assignments) {
        database.execute("UPDATE triggers SET " + assignments + " WHERE id = $1", pqxx::params{trigger});
    }
    /// Enqueues a firing that no clock asked for.
    std::string fire(const std::string& trigger, const nlohmann::json& payload = nullptr) {
        return database.value("INSERT INTO jobs (kind, payload) VALUES ('trigger-fire', $1) RETURNING id",
                              pqxx::params{nlohmann::json{{"triggerId", trigger}, {"payload", payload}}.dump()});
    }
    std::string job(const std::string& id, const std::string& expression) {
        return database.value("SELECT " + expression + " FROM jobs WHERE id = $1", pqxx::params{id});
    }
    /// Runs until the job is final. @returns its status
    std::string finish(const std::string& id) {
        start();
        eventually(
            std::chrono::seconds{60}, [&] { return job(id, "finished_at IS NOT NULL") == "t"; },
            "job " + id + " is final");
        return job(id, "status");
    }
    /// How many jobs firings have enqueued.
    std::string fired() { return database.value("SELECT count(*) FROM jobs WHERE kind <> 'trigger-fire'"); }
    void wait_for(const std::string& trigger, const std::string& condition) {
        start();
        eventually(std::chrono::seconds{60}, [&] { return column(trigger, condition) == "t"; }, condition);
    }

    /// One round of the leader's cron, without an engine.
    std::optional<std::chrono::milliseconds> look() {
        pg::Session session{database.settings("leader")};
        return handlers::run_triggers(session, observe::Log::discarding());
    }

    void start() {
        if (engine_) return;
        auto settings = quick_settings(database);
        settings.errand = [](pg::Session& session) {
            return handlers::run_triggers(session, observe::Log::discarding());
        };
        engine_ = std::make_unique<RunningEngine>(std::move(settings), registry_);
    }

    TestDatabase database;
    std::string tenant;
    std::string user;

private:
    Registry registry_;
    std::unique_ptr<RunningEngine> engine_;
};

}  // namespace oiab::tests
