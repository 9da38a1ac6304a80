#include "agent/reencryption.hpp"

#include <atomic>
#include <catch2/catch_test_macros.hpp>
#include <thread>

#include "store/provider_records.hpp"
#include "world.hpp"

namespace {

using namespace oiab;
using namespace oiab::tests;
using secrets::Key;

struct Vault : World {
    Key old_key = Key::make_random();
    Key new_key = Key::make_random();
    std::vector<Key> keys{new_key, old_key};

    std::string add_provider(const std::string& name, const std::string& sealed) {
        return database.value("INSERT INTO providers (provider, credentials) VALUES ($1, $2) RETURNING id",
                              pqxx::params{name, sealed});
    }
    std::string credentials(const std::string& name) {
        return database.value("SELECT credentials FROM providers WHERE provider = $1", pqxx::params{name});
    }
    void add_one_everywhere() {
        const auto box = [&](const char* plain) { return secrets::seal(old_key, plain); };
        add_provider("openai", box("sk-1"));
        database.execute("INSERT INTO triggers (name, kind, webhook_secret) VALUES ('hook', 'webhook', $1)",
                         pqxx::params{box("hook-1")});
        database.execute("INSERT INTO gateways (kind, bot_token, webhook_secret) VALUES ('telegram', $1, $2)",
                         pqxx::params{box("bot-1"), box("hook-2")});
        database.execute("INSERT INTO entra_sessions (user_id, access_token, refresh_token) VALUES ($1, $2, $3)",
                         pqxx::params{solo.to_string(), box("access-1"), box("refresh-1")});
    }
};

}  // namespace

TEST_CASE_METHOD(Vault, "reencryption: every place where secrets stand is found, and keeps its secret") {
    // Whoever adds a column of secrets adds it to kSealedPlaces as well: their comments tell.
    const auto described = database.value(
        "SELECT string_agg(c.relname || '.' || a.attname, ' ' ORDER BY c.relname, a.attname) FROM pg_attribute a JOIN "
        "pg_class c ON c.oid = a.attrelid WHERE col_description(c.oid, a.attnum) LIKE '%(v1:iv:tag:ciphertext%'");
    std::vector<std::string> places{store::kSealedPlaces.begin(), store::kSealedPlaces.end()};
    std::ranges::sort(places);
    std::string listed;
    for (const auto& place : places) listed += (listed.empty() ? "" : " ") + place;
    CHECK(described == listed);

    add_one_everywhere();
    CHECK(agent::survey_sealed(sql, keys).opened_by(old_key.name()) == 6);
    const auto survey = agent::reencrypt(sql, keys);
    CHECK(survey.rewritten() == 6);
    CHECK(survey.opened_by(new_key.name()) == 6);
    CHECK(survey.opened_by(old_key.name()) == 0);
    const auto plain = [&](const std::string& select) {
        const auto opened = secrets::open(new_key, database.value(select));
        return opened ? std::string{opened->view()} : "not opened";
    };
    CHECK(plain("SELECT credentials FROM providers") == "sk-1");
    CHECK(plain("SELECT webhook_secret FROM triggers") == "hook-1");
    CHECK(plain("SELECT bot_token FROM gateways") == "bot-1");
    CHECK(plain("SELECT webhook_secret FROM gateways") == "hook-2");
    CHECK(plain("SELECT access_token FROM entra_sessions") == "access-1");
    CHECK(plain("SELECT refresh_token FROM entra_sessions") == "refresh-1");
}

TEST_CASE_METHOD(Vault, "reencryption: several pages, and what is under the new key already stays as it is") {
    for (int i = 0; i < 250; ++i) add_provider("old-" + std::to_string(i), secrets::seal(old_key, "sk-old"));
    const auto current = secrets::seal(new_key, "sk-new");
    add_provider("new", current);
    const auto survey = agent::reencrypt(sql, keys);
    CHECK(survey.rewritten() == 250);
    CHECK(survey.opened_by(new_key.name()) == 251);
    CHECK(credentials("new") == current);
    CHECK(agent::reencrypt(sql, keys).rewritten() == 0);
}

TEST_CASE_METHOD(Vault, "reencryption: what no key opens is told and left alone") {
    const auto foreign = secrets::seal(Key::make_random(), "sk");
    add_provider("foreign", foreign);
    add_provider("plain", "sk-plain-text");
    add_provider("mine", secrets::seal(old_key, "sk-1"));
    const auto survey = agent::reencrypt(sql, keys);
    CHECK(survey.unreadable() == 2);
    CHECK(survey.rewritten() == 1);
    CHECK(credentials("foreign") == foreign);
    CHECK(credentials("plain") == "sk-plain-text");
}

TEST_CASE_METHOD(Vault, "reencryption: a secret that changed since it was read is not overwritten") {
    const auto id = add_provider("openai", secrets::seal(old_key, "sk-old"));
    const auto read = pg::in_transaction(
        sql, [](pg::Transaction& tx) { return store::load_sealed(tx, "providers.credentials", "", 10); });
    REQUIRE(read.size() == 1);
    const auto newer = secrets::seal(old_key, "sk-newer");
    database.execute("UPDATE providers SET credentials = $1", pqxx::params{newer});
    const std::vector<store::Resealed> change{{id, read[0].sealed, secrets::seal(new_key, "sk-old")}};
    CHECK(pg::in_transaction(sql, [&](pg::Transaction& tx) {
              return store::replace_sealed(tx, "providers.credentials", change);
          }) == 0);
    CHECK(credentials("openai") == newer);
    CHECK(agent::reencrypt(sql, keys).rewritten() == 1);
    CHECK(secrets::open(new_key, credentials("openai"))->view() == "sk-newer");
}

TEST_CASE_METHOD(Vault, "reencryption: secrets that others change all the while are all there afterwards") {
    constexpr int kRows = 150;
    for (int i = 0; i < kRows; ++i) add_provider("p" + std::to_string(i), secrets::seal(old_key, "0"));
    std::atomic<bool> stop = false;
    int last = 0;
    std::thread writer{[&] {
        TestDatabase& db = database;
        pqxx::connection own{db.url()};
        for (int round = 1; !stop || round < 3; ++round) {
            for (int i = 0; i < kRows; i += 7) {
                pqxx::work tx{own};
                tx.exec("UPDATE providers SET credentials = $1 WHERE provider = $2",
                        pqxx::params{secrets::seal(old_key, std::to_string(round)), "p" + std::to_string(i)});
                tx.commit();
            }
            last = round;
        }
    }};
    for (int i = 0; i < 5; ++i) (void)agent::reencrypt(sql, keys);
    stop = true;
    writer.join();
    const auto survey = agent::reencrypt(sql, keys);
    CHECK(survey.opened_by(new_key.name()) == kRows);
    for (int i = 0; i < kRows; ++i) {
        const auto plain = secrets::open(new_key, credentials("p" + std::to_string(i)));
        REQUIRE(plain.has_value());
        CHECK(plain->view() == (i % 7 == 0 ? std::to_string(last) : "0"));
    }
}

TEST_CASE_METHOD(Vault, "reencryption: a role from which rows are hidden is told apart") {
    CHECK(agent::sees_all_sealed(sql));
    database.execute(
        "DO $$ BEGIN CREATE ROLE half_blind LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$;"
        "GRANT SELECT ON ALL TABLES IN SCHEMA public TO half_blind");
    pg::Session other{{.url = database.tcp_url("half_blind"), .application_name = "test"}};
    CHECK_FALSE(agent::sees_all_sealed(other));
    other.discard();
    database.execute("DROP OWNED BY half_blind");
}

TEST_CASE_METHOD(World, "provider records: are added once an owner, changed, preferred singly and removed") {
    const auto add = [&](store::NewProvider provider) {
        return pg::in_transaction(sql, [&](pg::Transaction& tx) { return store::insert_provider(tx, provider); });
    };
    store::NewProvider openai{.scope = {}, .provider = "openai", .kind = "openai", .default_model = "m-1"};
    const auto installation = add(openai);
    REQUIRE(installation.has_value());
    CHECK_FALSE(add(openai).has_value());
    openai.scope.tenant_id = contoso;
    const auto of_tenant = add(openai);
    REQUIRE(of_tenant.has_value());
    openai.scope = {.tenant_id = {}, .user_id = alice};
    openai.preferred = true;
    const auto of_alice = add(openai);
    REQUIRE(of_alice.has_value());
    CHECK(database.value("SELECT tenant_id FROM providers WHERE user_id IS NOT NULL") == contoso.to_string());
    openai.scope.user_id = id<core::UserId>("ff");
    CHECK_FALSE(add(openai).has_value());

    const auto find = [&](store::ProviderScope scope) {
        return pg::in_transaction(sql, [&](pg::Transaction& tx) { return store::find_provider(tx, "openai", scope); });
    };
    CHECK(find({}) == installation);
    CHECK(find({.tenant_id = contoso, .user_id = {}}) == of_tenant);
    CHECK(find({.tenant_id = {}, .user_id = alice}) == of_alice);
    CHECK_FALSE(find({.tenant_id = fabrikam, .user_id = {}}).has_value());
    CHECK_FALSE(find({.tenant_id = {}, .user_id = bob}).has_value());

    store::NewProvider second{.scope = {.tenant_id = {}, .user_id = alice},
                              .provider = "second",
                              .kind = "anthropic",
                              .default_model = "m-2",
                              .preferred = true};
    REQUIRE(add(second).has_value());
    CHECK(database.value("SELECT string_agg(provider, ' ') FROM providers WHERE preferred") == "second");

    store::ProviderCheck check{.row = *of_alice, .credentials = "", .models = "[\"m\"]", .error = "it is down"};
    check.latency = std::chrono::milliseconds{7};
    const auto record = [&] {
        return pg::in_transaction(sql, [&](pg::Transaction& tx) { return store::record_provider_check(tx, check); });
    };
    CHECK(record() == store::CheckRecorded::kNews);
    CHECK(record() == store::CheckRecorded::kSame);
    check.error.clear();
    check.models.reset();
    CHECK(record() == store::CheckRecorded::kNews);
    const auto listed = pg::in_transaction(
        sql, [&](pg::Transaction& tx) { return store::list_providers(tx, {.scope = {}, .row = of_alice}); });
    REQUIRE(listed.size() == 1);
    CHECK(listed[0].models == "[\"m\"]");
    CHECK(listed[0].latency == std::chrono::milliseconds{7});
    CHECK(listed[0].last_error.empty());
    CHECK_FALSE(listed[0].checked_at.empty());
    check.credentials = "others";
    CHECK(record() == store::CheckRecorded::kOutdated);

    const auto change =
        pg::in_transaction(sql, [&](pg::Transaction& tx) { return store::update_provider(tx, *of_alice, openai); });
    CHECK(change);
    CHECK(database.value("SELECT string_agg(provider, ' ') FROM providers WHERE preferred") == "openai");
    CHECK(database.value("SELECT checked_at IS NULL FROM providers WHERE preferred") == "t");
    const auto remove = [&] {
        return pg::in_transaction(sql, [&](pg::Transaction& tx) { return store::remove_provider(tx, *of_alice); });
    };
    CHECK(remove());
    CHECK_FALSE(remove());
    const auto left = pg::in_transaction(sql, [](pg::Transaction& tx) { return store::list_providers(tx, {}); });
    CHECK(left.size() == 3);
    CHECK(left.front().row.owner == store::ProviderOwner::kInstallation);
}
