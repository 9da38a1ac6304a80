// Checks of providers' credentials, on schedule.
#include "provider_fixture.hpp"

using namespace oiab;
using namespace oiab::tests;

namespace {

constexpr const char* kAudit = "SELECT count(*) FROM audit_log WHERE action = 'admin.provider_dead'";

/// Answers as the row's name says: each row has its name in the path.
void answer_by_name(ServedConnection& connection, const ServedRequest& request) {
    if (request.target.starts_with("/dead/")) {
        connection.respond_json(401, R"({"error": {"message": "Incorrect API key provided: k-dead"}})");
    } else if (request.target.starts_with("/busy/")) {
        connection.respond_json(503, R"({"error": {"message": "overloaded"}})");
    } else {
        connection.respond_json(200, R"({"data": [{"id": "m-1"}, {"id": "m-2"}]})");
    }
}

struct Checked : RoutedOrganisation {
    Checked() { server.set_script(answer_by_name); }

    nlohmann::json refresh(const nlohmann::json& payload = nlohmann::json::object()) {
        const auto job = org().enqueue("provider-refresh", payload);
        REQUIRE(org().finish(job) == "completed");
        return org().result(job);
    }
    std::string of(const std::string& id, const std::string& expression) {
        return org().database().value("SELECT " + expression + " FROM providers WHERE id = $1", pqxx::params{id});
    }
};

}  // namespace

TEST_CASE("provider-refresh: tells what works from what is dead and from what could not be asked") {
    Checked checked;
    auto& db = checked.org().database();
    const auto works = checked.add("works", "tenant", "", "k-works");
    const auto dead = checked.add("dead", "tenant", "m", "k-dead");
    const auto busy = checked.add("busy", "user", "m", "k-busy");
    const auto off = checked.add("off", "tenant", "m", "k-off");
    const auto away = checked.add("away", "", "m", "k-away");
    db.execute("UPDATE providers SET enabled = false WHERE id = $1", pqxx::params{off});
    db.execute("UPDATE providers SET base_url = 'http://127.0.0.1:1', models = '[\"old\"]' WHERE id = $1",
               pqxx::params{away});

    CHECK(checked.refresh() == nlohmann::json{{"works", 1}, {"dead", 1}, {"unclear", 2}, {"unchecked", 0}});
    CHECK(checked.of(works, "models") == R"(["m-1", "m-2"])");
    CHECK(checked.of(works, "last_error IS NULL AND latency_ms >= 0 AND checked_at IS NOT NULL") == "t");
    CHECK(checked.of(dead, "last_error").find("Incorrect API key") != std::string::npos);
    CHECK(checked.of(dead, "last_error").find("k-dead") == std::string::npos);
    CHECK(checked.of(busy, "last_error").find("overloaded") != std::string::npos);
    CHECK(checked.of(away, "last_error IS NOT NULL") == "t");
    CHECK(checked.of(away, "models") == R"(["old"])");
    CHECK(checked.of(off, "checked_at IS NULL") == "t");

    CHECK(db.value("SELECT string_agg(target || ' ' || actor || ' ' || tenant_id, ', ') FROM audit_log WHERE action = "
                   "'admin.provider_dead'") == "provider:" + dead + " system " + checked.org().tenant());
    checked.refresh();
    CHECK(db.value(kAudit) == "1");

    // Mended, and dead again: that is news.
    checked.server.set_script(
        [](ServedConnection& connection, const ServedRequest&) { connection.respond_json(200, R"({"data": []})"); });
    CHECK(checked.refresh({{"providerId", dead}})["works"] == 1);
    CHECK(checked.of(dead, "last_error IS NULL") == "t");
    checked.server.set_script(answer_by_name);
    CHECK(checked.refresh({{"providerId", dead}})["dead"] == 1);
    CHECK(db.value(kAudit) == "2");
}

TEST_CASE("provider-refresh: credentials without their key are unclear, not dead; a row that makes no sense is dead") {
    Checked checked;
    auto& db = checked.org().database();
    const auto locked = checked.add("locked", "tenant", "m", "k");
    db.execute("UPDATE providers SET credentials = $1",
               pqxx::params{secrets::seal(secrets::Key::make_random(), "k-locked")});
    CHECK(checked.refresh({{"providerId", locked}})["unclear"] == 1);
    db.execute("UPDATE providers SET credentials = 'in the clear'");
    CHECK(checked.refresh({{"providerId", locked}})["dead"] == 1);
    CHECK(checked.of(locked, "last_error").find("in the clear") == std::string::npos);
    CHECK(checked.server.requests().empty());
}

TEST_CASE("provider-refresh: more rows than are checked at a time, each once") {
    Checked checked;
    for (int i = 0; i < 25; ++i) checked.add("works/" + std::to_string(i), "tenant", "", "k");
    CHECK(checked.refresh()["works"] == 25);
    CHECK(checked.server.requests().size() == 25);
    CHECK(checked.server.most_at_once() <= 4);
}

TEST_CASE("provider-refresh: trouble of the database in several checks at once costs no attempt") {
    Checked checked;
    auto& db = checked.org().database();
    for (int i = 0; i < 8; ++i) checked.add("works/" + std::to_string(i), "tenant", "", "k");
    db.execute(
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS "
        "'BEGIN RAISE EXCEPTION ''not now'' USING ERRCODE = ''serialization_failure''; END';"
        "CREATE TRIGGER refuse BEFORE UPDATE ON providers FOR EACH ROW EXECUTE FUNCTION refuse()");
    const auto job = checked.org().enqueue("provider-refresh", nlohmann::json::object());
    checked.org().start();
    eventually(
        std::chrono::seconds{30},
        [&] { return checked.org().column(job, "status = 'pending' AND lease_epoch > 0") == "t"; }, "it comes back");
    CHECK(checked.org().column(job, "attempts") == "0");
    CHECK(checked.org().column(job, "last_error IS NULL") == "t");
}

TEST_CASE("provider-refresh: an id that is none, and one of nobody, fail with a sentence") {
    Checked checked;
    const auto wrong = checked.org().enqueue("provider-refresh", {{"providerId", "openai"}});
    CHECK(checked.org().finish(wrong) == "failed");
    CHECK(checked.org().column(wrong, "failure_reason") == "invalid_payload");
    const auto nobody =
        checked.org().enqueue("provider-refresh", {{"providerId", "00000000-0000-4000-8000-000000000001"}});
    CHECK(checked.org().finish(nobody) == "failed");
    CHECK(checked.org().column(nobody, "last_error").find("there is no provider") != std::string::npos);
}
