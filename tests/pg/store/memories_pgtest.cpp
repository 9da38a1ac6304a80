/// @file  Memories: who sees which, what is near, and how embeddings are made.

#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_floating_point.hpp>
#include <cmath>
#include <map>
#include <set>

#include "store/embeddings.hpp"
#include "store/memories.hpp"
#include "store/sql.hpp"
#include "world.hpp"

using namespace oiab;
using namespace oiab::tests;
using namespace std::chrono_literals;

namespace {

/// A unit vector that points `degrees` away from the first axis.
std::vector<float> direction(double degrees) {
    std::vector<float> values(1536, 0.0F);
    const double radians = degrees * 3.14159265358979 / 180;
    values[0] = static_cast<float>(std::cos(radians));
    values[1] = static_cast<float>(std::sin(radians));
    return values;
}

struct Fixture : World {
    std::map<std::string, core::MemoryId> ids;

    void remember(core::UserId user, std::optional<core::TenantId> tenant, const std::string& content,
                  const std::string& visibility = "private") {
        store::NewMemory memory;
        memory.user_id = user;
        memory.tenant_id = tenant;
        memory.content = content;
        memory.visibility = visibility;
        ids[content] = in([&](pg::Transaction& tx) { return store::insert_memory(tx, memory); });
    }

    /// Embeds what is claimed, each text at the angle given for it.
    std::size_t embed(const std::string& model, const std::map<std::string, double>& angles) {
        return in([&](pg::Transaction& tx) {
            std::vector<store::NewEmbedding> made;
            for (const auto& text : store::claim_unembedded(tx, {}, model, 100, job, 60s)) {
                if (!angles.contains(text.content)) continue;
                made.push_back({text.id, text.content_sha256, direction(angles.at(text.content))});
            }
            return store::store_embeddings(tx, model, made);
        });
    }

    std::set<std::string> seen_by(const store::MemoryReader& reader) {
        std::set<std::string> contents;
        for (const auto& row : in([&](pg::Transaction& tx) { return store::recall_recent(tx, reader, 100); }))
            contents.insert(row.content);
        return contents;
    }
};

store::MemoryReader reader_of(core::UserId user, std::optional<core::TenantId> tenant, bool team, bool org) {
    return {user, tenant, true, team, org};
}

}  // namespace

TEST_CASE_METHOD(Fixture, "memories: a key adds a memory once") {
    store::NewMemory memory;
    memory.user_id = alice;
    memory.content = "likes tea";
    memory.idempotency_key = "job:step";
    const auto first = in([&](pg::Transaction& tx) { return store::insert_memory(tx, memory); });
    const auto second = in([&](pg::Transaction& tx) { return store::insert_memory(tx, memory); });
    CHECK(first == second);
    CHECK(database.value("SELECT count(*) FROM memories") == "1");
}

TEST_CASE_METHOD(Fixture,
                 "memories: own ones always, the team's and the organisation's by permission, never another tenant's") {
    remember(alice, contoso, "alice private");
    remember(alice, contoso, "alice team", "team");
    remember(bob, contoso, "bob private");
    remember(bob, contoso, "bob team", "team");
    remember(bob, contoso, "bob org", "org");
    remember(carol, fabrikam, "carol team", "team");
    remember(carol, fabrikam, "carol org", "org");
    remember(solo, std::nullopt, "solo private");
    remember(solo, std::nullopt, "solo team", "team");

    using Set = std::set<std::string>;
    CHECK(seen_by(reader_of(alice, contoso, false, false)) == Set{"alice private", "alice team"});
    CHECK(seen_by(reader_of(alice, contoso, true, false)) == Set{"alice private", "alice team", "bob team"});
    CHECK(seen_by(reader_of(alice, contoso, true, true)) == Set{"alice private", "alice team", "bob team", "bob org"});
    CHECK(seen_by({alice, contoso, false, false, true}) == Set{"bob org"});
    CHECK(seen_by({alice, contoso, false, false, false}).empty());
    CHECK(seen_by(reader_of(solo, std::nullopt, true, true)) == Set{"solo private", "solo team"});

    // The other ways of recall draw the same line.
    embed("m", {{"alice private", 0},
                {"alice team", 0},
                {"bob private", 0},
                {"bob team", 0},
                {"bob org", 0},
                {"carol team", 0},
                {"carol org", 0},
                {"solo private", 0},
                {"solo team", 0}});
    Set near;
    Set resembling;
    in([&](pg::Transaction& tx) {
        for (const auto& row :
             store::recall_similar(tx, reader_of(alice, contoso, true, false), "m", direction(0), 0.3, 100))
            near.insert(row.content);
        for (const auto& row : store::search_memories(tx, reader_of(alice, contoso, true, false), "team", 100))
            resembling.insert(row.content);
    });
    CHECK(near == Set{"alice private", "alice team", "bob team"});
    CHECK(resembling == Set{"alice team", "bob team"});
}

TEST_CASE_METHOD(Fixture,
                 "memories: the nearest come first, none below the threshold, only vectors of the model in use") {
    remember(alice, contoso, "same");
    remember(alice, contoso, "near");
    remember(alice, contoso, "far");
    remember(alice, contoso, "other model");
    CHECK(embed("new", {{"same", 0}, {"near", 60}, {"far", 80}}) == 3);
    in([&](pg::Transaction& tx) { store::release_unembedded(tx, job); });
    CHECK(embed("old", {{"other model", 0}}) == 1);

    const auto reader = reader_of(alice, contoso, false, false);
    const auto found =
        in([&](pg::Transaction& tx) { return store::recall_similar(tx, reader, "new", direction(0), 0.3, 8); });
    REQUIRE(found.size() == 2);
    CHECK(found[0].content == "same");
    CHECK_THAT(found[0].similarity, Catch::Matchers::WithinAbs(1.0, 1e-5));
    CHECK(found[1].content == "near");
    CHECK_THAT(found[1].similarity, Catch::Matchers::WithinAbs(0.5, 1e-4));
    CHECK(in([&](pg::Transaction& tx) {
              return store::recall_similar(tx, reader, "new", direction(0), 0.3, 1);
          }).size() == 1);
}

TEST_CASE_METHOD(Fixture,
                 "memories: recall finds a user's few among a crowd of nearer ones that the user may not see") {
    remember(alice, contoso, "mine");
    embed("m", {{"mine", 30}});
    database.execute(
        "INSERT INTO memories (user_id, tenant_id, content, embedding_model, embedding) "
        "SELECT '00000000-0000-4000-8000-0000000000b3', '00000000-0000-4000-8000-0000000000a2', 'crowd ' || n, 'm', "
        "(SELECT embedding FROM memories WHERE content = 'mine') FROM generate_series(1, 200) AS n");
    // So few rows would be scanned; it is the index whose first candidates are all the crowd's.
    for (const char* way : {"enable_seqscan", "enable_bitmapscan", "enable_sort"})
        database.execute("ALTER DATABASE " + database.name() + " SET " + way + " = off");
    sql.discard();
    const auto found = in([&](pg::Transaction& tx) {
        return store::recall_similar(tx, reader_of(alice, contoso, true, true), "m", direction(30), 0.3, 8);
    });
    REQUIRE(found.size() == 1);
    CHECK(found[0].content == "mine");
}

TEST_CASE_METHOD(Fixture, "embeddings: two jobs share a backfill, and what one holds the other passes over") {
    for (int i = 0; i < 6; ++i) remember(alice, contoso, "text " + std::to_string(i));
    pg::Session second{database.settings("second")};
    std::set<std::string> mine;
    std::set<std::string> theirs;
    in([&](pg::Transaction& tx) {
        for (const auto& text : store::claim_unembedded(tx, {}, "m", 4, job, 60s)) mine.insert(text.content);
        // The first one's transaction is still open.
        pg::in_transaction(second, [&](pg::Transaction& other) {
            for (const auto& text : store::claim_unembedded(other, {}, "m", 4, other_job, 60s))
                theirs.insert(text.content);
        });
    });
    CHECK(mine == std::set<std::string>{"text 0", "text 1", "text 2", "text 3"});
    CHECK(theirs == std::set<std::string>{"text 4", "text 5"});
    CHECK(in([&](pg::Transaction& tx) { return store::claim_unembedded(tx, {}, "m", 4, other_job, 60s).size(); }) ==
          0);  // not even its own again: another of its batches may be at work on them
    CHECK_FALSE(in([&](pg::Transaction& tx) { return store::has_unembedded(tx, {}, "m"); }));
    in([&](pg::Transaction& tx) { store::release_unembedded(tx, job); });
    CHECK(in([&](pg::Transaction& tx) { return store::has_unembedded(tx, {}, "m"); }));
}

TEST_CASE_METHOD(Fixture,
                 "embeddings: a changed text, a refused one and a new model are each treated as they must be") {
    remember(alice, contoso, "changes");
    remember(alice, contoso, "refused");
    const auto claimed = in([&](pg::Transaction& tx) { return store::claim_unembedded(tx, {}, "m", 10, job, 60s); });
    REQUIRE(claimed.size() == 2);
    database.execute("UPDATE memories SET content = 'changed' WHERE content = 'changes'");
    in([&](pg::Transaction& tx) {
        CHECK(store::store_embeddings(
                  tx, "m",
                  std::vector<store::NewEmbedding>{{ids["changes"], claimed[0].content_sha256, direction(0)}}) == 0);
        store::skip_embedding(tx, ids["refused"], "the provider says no");
    });
    // Nobody is having the new text embedded, whoever had claimed the former one.
    const auto left = in([&](pg::Transaction& tx) { return store::claim_unembedded(tx, {}, "m", 10, other_job, 60s); });
    REQUIRE(left.size() == 1);
    CHECK(left[0].content == "changed");
    in([&](pg::Transaction& tx) { store::release_unembedded(tx, other_job); });
    CHECK(embed("m", {{"changed", 0}}) == 1);
    CHECK_FALSE(in([&](pg::Transaction& tx) { return store::has_unembedded(tx, {}, "m"); }));
    CHECK(in([&](pg::Transaction& tx) { return store::has_unembedded(tx, {}, "another model"); }));
    CHECK_FALSE(
        in([&](pg::Transaction& tx) { return store::has_unembedded(tx, {std::nullopt, bob}, "another model"); }));
    // A new text deserves a new try.
    database.execute("UPDATE memories SET content = 'reworded' WHERE content = 'refused'");
    CHECK(in([&](pg::Transaction& tx) { return store::has_unembedded(tx, {}, "m"); }));
}

TEST_CASE_METHOD(Fixture, "embeddings: what was paid for is found again, by model and text") {
    const std::string sha(64, 'a');
    const std::string unknown(64, 'b');
    in([&](pg::Transaction& tx) { store::cache_embeddings(tx, "m", {{sha, direction(10)}}); });
    in([&](pg::Transaction& tx) {
        store::cache_embeddings(tx, "m", {{sha, direction(20)}});  // the first stays
        const std::vector<std::string> wanted{sha, unknown};
        const auto known = store::find_cached_embeddings(tx, "m", wanted);
        REQUIRE(known.size() == 1);
        CHECK(known.at(sha) == direction(10));
        CHECK(store::find_cached_embeddings(tx, "other", wanted).empty());
    });
}

TEST_CASE_METHOD(Fixture, "embeddings: a tenant's backfill does not walk through everybody's backlog") {
    database.execute("INSERT INTO memories (user_id, content) SELECT '" + alice.to_string() +
                     "', 'text ' || n FROM generate_series(1, 3000) AS n");
    remember(alice, contoso, "own");
    pg::autocommit(sql, [](pg::Transaction& tx) { tx.raw().exec("VACUUM ANALYZE memories"); });
    const auto plan_of = [&](const pg::Statement& statement, const std::string& arguments) {
        return in([&](pg::Transaction& tx) {
            auto& raw = tx.raw();
            raw.exec("SET LOCAL plan_cache_mode = force_generic_plan");
            raw.exec("PREPARE scoped AS " + std::string{statement.text});
            std::string text;
            for (const auto& row : raw.exec("EXPLAIN (COSTS off) EXECUTE scoped(" + arguments + ")"))
                text += row[0].as<std::string>() + "\n";
            raw.exec("DEALLOCATE scoped");
            return text;
        });
    };
    const std::string tenant = "'" + contoso.to_string() + "'";
    const auto claim =
        plan_of(store::sql::claim_unembedded_of_tenant, "NULL, 'm', 10, '" + job.to_string() + "', 60, " + tenant);
    const auto claim_all = plan_of(store::sql::claim_unembedded, "NULL, 'm', 10, '" + job.to_string() + "', 60");
    const auto look = plan_of(store::sql::has_unembedded_of_tenant, "NULL, 'm', " + tenant);
    for (const auto& plan : {claim, look}) {
        INFO(plan);
        CHECK(plan.find("memories_tenant_backfill_idx") != std::string::npos);
        CHECK(plan.find("memories_backfill_idx") == std::string::npos);
        CHECK(plan.find("Seq Scan on memories") == std::string::npos);
    }
    // What is left comes in the index's order: a claim reads what it takes, not all there is.
    for (const auto& plan : {claim, claim_all}) {
        INFO(plan);
        CHECK(plan.find("Sort Key: memories") == std::string::npos);
        CHECK(plan.find("Seq Scan on memories") == std::string::npos);
    }
    const auto claimed =
        in([&](pg::Transaction& tx) { return store::claim_unembedded(tx, {contoso, {}}, "m", 10, job, 60s); });
    REQUIRE(claimed.size() == 1);
    CHECK(claimed[0].content == "own");
    CHECK_FALSE(in([&](pg::Transaction& tx) { return store::has_unembedded(tx, {contoso, {}}, "m"); }));
    CHECK(in([&](pg::Transaction& tx) { return store::has_unembedded(tx, {}, "m"); }));
}

TEST_CASE_METHOD(Fixture, "embeddings: a vector comes back as it was, to the last bit") {
    std::vector<float> values(1536, 0.0F);
    const std::vector<float> odd{0.1F, -1.0F / 3.0F, 1e-38F, -1e-45F, 3.4e38F, 1.0F, 123456.789F};
    std::copy(odd.begin(), odd.end(), values.begin());
    const std::string sha(64, 'c');
    remember(alice, contoso, "exact");
    in([&](pg::Transaction& tx) {
        store::cache_embeddings(tx, "m", {{sha, values}});
        const std::vector<std::string> wanted{sha};
        CHECK(store::find_cached_embeddings(tx, "m", wanted).at(sha) == values);
        const auto claimed = store::claim_unembedded(tx, {}, "m", 1, job, 60s);
        const std::vector<store::NewEmbedding> made{{claimed.at(0).id, claimed[0].content_sha256, values}};
        CHECK(store::store_embeddings(tx, "m", made) == 1);
    });
    CHECK(database.value("SELECT c.embedding::text = m.embedding::text FROM embedding_cache c, memories m") == "t");
}

TEST_CASE("memories: a database without embeddings says so, and remembers all the same") {
    World world;
    CHECK(world.in([](pg::Transaction& tx) { return store::has_embeddings(tx); }));
    world.database.execute("DROP EXTENSION vector CASCADE");
    pg::Session fresh{world.database.settings()};
    CHECK_FALSE(pg::in_transaction(fresh, [](pg::Transaction& tx) { return store::has_embeddings(tx); }));
    store::NewMemory memory;
    memory.user_id = world.alice;
    memory.tenant_id = world.contoso;
    memory.content = "tea is what she drinks";
    pg::in_transaction(fresh, [&](pg::Transaction& tx) {
        store::insert_memory(tx, memory);
        CHECK(store::search_memories(tx, reader_of(world.alice, world.contoso, false, false), "which tea", 5).size() ==
              1);
    });
}
