/// @file  Who sees which memory, by every way of reading them: all combinations of owner, visibility and permissions,
/// against a rule that is written down here once more. The ways are one table, so that none can draw a line of its own.

#include <array>
#include <catch2/catch_test_macros.hpp>
#include <functional>
#include <set>

#include "store/memories.hpp"
#include "store/sql.hpp"
#include "world.hpp"

using namespace oiab;
using namespace oiab::tests;

namespace {

struct Owner {
    const char* name;
    core::UserId user;
    std::optional<core::TenantId> tenant;
};

struct Fixture : World {
    std::vector<Owner> owners{{"alice", alice, contoso},
                              {"bob", bob, contoso},
                              {"carol", carol, fabrikam},
                              {"solo", solo, std::nullopt},
                              {"alice before the tenant", alice, std::nullopt}};
    static constexpr std::array kVisibilities = {"private", "team", "org"};

    Fixture() {
        for (const Owner& owner : owners) {
            for (const char* visibility : kVisibilities) {
                store::NewMemory memory;
                memory.user_id = owner.user;
                memory.tenant_id = owner.tenant;
                memory.content = content(owner, visibility);
                memory.visibility = visibility;
                in([&](pg::Transaction& tx) { store::insert_memory(tx, memory); });
            }
        }
        database.execute(
            "UPDATE memories SET embedding_model = 'm', embedding = (SELECT array_agg(1.0 / n) FROM generate_series(1, "
            "1536) n)::vector");
    }

    /// Index-only scans are for pages that it has seen.
    void vacuum() {
        pg::Session session{database.settings("vacuum")};
        pg::autocommit(session, [](pg::Transaction& tx) { tx.raw().exec("VACUUM ANALYZE memories"); });
    }

    static std::string content(const Owner& owner, const std::string& visibility) {
        return std::string{"memory of "} + owner.name + ", " + visibility;
    }

    /// The rule, as the documentation has it.
    static bool may_see(const store::MemoryReader& reader, const Owner& owner, const std::string& visibility) {
        if (reader.own && owner.user == reader.user_id && (owner.tenant == reader.tenant_id || !owner.tenant))
            return true;
        if (owner.tenant != reader.tenant_id) return false;
        return (reader.team && visibility == "team") || (reader.org && visibility == "org");
    }

    std::set<std::string> expected(const store::MemoryReader& reader) const {
        std::set<std::string> contents;
        for (const Owner& owner : owners) {
            for (const char* visibility : kVisibilities)
                if (may_see(reader, owner, visibility)) contents.insert(content(owner, visibility));
        }
        return contents;
    }
};

using Way = std::function<std::vector<store::MemoryRow>(pg::Transaction&, const store::MemoryReader&)>;
struct NamedWay {
    const char* name;
    Way read;
};

const std::vector<NamedWay>& ways() {
    static const std::vector<NamedWay> all{
        {"by similarity",
         [](pg::Transaction& tx, const store::MemoryReader& reader) {
             std::vector<float> near(1536);
             for (std::size_t i = 0; i < near.size(); ++i) near[i] = 1.0F / static_cast<float>(i + 1);
             return store::recall_similar(tx, reader, "m", near, 0.3, 100);
         }},
        {"by age",
         [](pg::Transaction& tx, const store::MemoryReader& reader) { return store::recall_recent(tx, reader, 100); }},
        {"by text", [](pg::Transaction& tx, const store::MemoryReader& reader) {
             return store::search_memories(tx, reader, "memory of", 100);
         }}};
    return all;
}

/// Compares all ways of reading for all readers and permissions. @returns how many comparisons were made
int check_all(Fixture& fixture) {
    int compared = 0;
    for (const Owner& reader_is : {fixture.owners[0], fixture.owners[1], fixture.owners[2], fixture.owners[3]}) {
        for (int bits = 0; bits < 8; ++bits) {
            const store::MemoryReader reader{reader_is.user, reader_is.tenant, (bits & 1) != 0, (bits & 2) != 0,
                                             (bits & 4) != 0};
            for (const NamedWay& way : ways()) {
                std::multiset<std::string> seen;
                for (const auto& row : fixture.in([&](pg::Transaction& tx) { return way.read(tx, reader); }))
                    seen.insert(row.content);
                const auto expected = fixture.expected(reader);
                INFO(way.name << " by " << reader_is.name << ", permissions " << bits);
                CHECK(seen == std::multiset<std::string>{expected.begin(), expected.end()});
                ++compared;
            }
        }
    }
    return compared;
}

}  // namespace

TEST_CASE_METHOD(Fixture,
                 "visibility: every reader with every permission sees the same by every way, and nothing else") {
    CHECK(check_all(*this) == 4 * 8 * 3);
}

TEST_CASE_METHOD(Fixture, "visibility: where pgvector is too old for signs, similarity draws the same line") {
    database.execute("ALTER TABLE memories DROP COLUMN embedding_bits");
    sql.discard();
    CHECK(check_all(*this) == 4 * 8 * 3);
}

TEST_CASE_METHOD(
    Fixture, "visibility: row-level security changes nothing for the worker's role, and keeps others to their tenant") {
    // A role belongs to the whole server, which other tests share: these two go again with the transaction.
    in([&](pg::Transaction& tx) {
        auto& raw = tx.raw();
        raw.exec("DROP ROLE IF EXISTS oiab_visibility_test");
        raw.exec("CREATE ROLE oiab_visibility_test");
        raw.exec("GRANT USAGE ON SCHEMA public TO oiab_visibility_test");
        raw.exec("GRANT SELECT ON memories TO oiab_visibility_test");
        raw.exec("CREATE POLICY test_worker ON memories TO oiab_visibility_test USING (true) WITH CHECK (true)");
        raw.exec("SET LOCAL ROLE oiab_visibility_test");
        const store::MemoryReader reader{alice, contoso, true, true, true};
        for (const NamedWay& way : ways()) {
            std::set<std::string> seen;
            for (const auto& row : way.read(tx, reader)) seen.insert(row.content);
            INFO(way.name << " as a role like the worker's");
            CHECK(seen == expected(reader));
        }
        raw.exec("RESET ROLE");
        raw.exec("DROP POLICY test_worker ON memories");
        raw.exec("SET LOCAL ROLE oiab_visibility_test");
        raw.exec("SET LOCAL oiab.tenant_id = '00000000-0000-4000-8000-0000000000a2'");
        for (const NamedWay& way : ways()) {
            INFO(way.name << " as a role that is kept to the other tenant");
            CHECK(way.read(tx, reader).empty());
        }
        raw.exec("RESET ROLE");
        raw.exec("REVOKE ALL ON memories FROM oiab_visibility_test");
        raw.exec("REVOKE ALL ON SCHEMA public FROM oiab_visibility_test");
        raw.exec("DROP ROLE oiab_visibility_test");
    });
}

TEST_CASE_METHOD(
    Fixture,
    "recall: one plan for everybody, over the indexes with the signs, and the full vectors of the best alone") {
    // Enough rows that a plan means something; the statistics of a fresh table would do, too: the plan is the generic
    // one.
    database.execute(
        "INSERT INTO memories (user_id, tenant_id, content, visibility, embedding_model, embedding) "
        "SELECT CASE WHEN n % 10 = 0 THEN '00000000-0000-4000-8000-0000000000b1'::uuid ELSE "
        "'00000000-0000-4000-8000-0000000000b3'::uuid END, "
        "CASE WHEN n % 10 = 0 THEN '00000000-0000-4000-8000-0000000000a1'::uuid ELSE "
        "'00000000-0000-4000-8000-0000000000a2'::uuid END, 'n' || n, "
        "CASE WHEN n % 3 = 0 THEN 'team' ELSE 'private' END, 'm', (SELECT embedding FROM memories LIMIT 1) FROM "
        "generate_series(1, 3000) AS n");
    vacuum();
    const auto plan_for = [&](const char* user, const char* tenant) {
        return in([&](pg::Transaction& tx) {
            auto& raw = tx.raw();
            raw.exec("SET LOCAL plan_cache_mode = force_generic_plan");
            raw.exec("SET LOCAL enable_seqscan = off");  // three thousand rows are few
            raw.exec("PREPARE recall AS " + std::string{store::sql::recall_similar.text});
            std::string plan;
            for (const auto& row :
                 raw.exec(std::string{"EXPLAIN (COSTS off) EXECUTE recall('"} + user + "', '" + tenant +
                          "', true, true, true, 'm', array_fill(1, ARRAY[1536])::vector, 0.3, 8)"))
                plan += row[0].as<std::string>() + "\n";
            raw.exec("DEALLOCATE recall");
            return plan;
        });
    };
    const auto plan = plan_for("00000000-0000-4000-8000-0000000000b1", "00000000-0000-4000-8000-0000000000a1");
    INFO(plan);
    CHECK(plan.find("Index Only Scan using memories_own_bits_idx") != std::string::npos);
    CHECK(plan.find("Index Only Scan using memories_shared_bits_idx") != std::string::npos);
    CHECK(plan.find("memories_pkey") != std::string::npos);
    CHECK(plan.find("Seq Scan") == std::string::npos);
    CHECK(plan == plan_for("00000000-0000-4000-8000-0000000000b3", "00000000-0000-4000-8000-0000000000a2"));
    CHECK(plan == plan_for("00000000-0000-4000-8000-0000000000b2", "00000000-0000-4000-8000-0000000000a1"));
}

TEST_CASE_METHOD(Fixture, "recall: with thousands of visible memories the eight nearest are still found") {
    // Random vectors around thirty topics: what is nearest is no matter of a single sign.
    database.execute("DELETE FROM memories");
    database.execute(
        "SELECT setseed(0.5); "
        "CREATE TABLE topics AS SELECT t, (SELECT array_agg(random() - 0.5 ORDER BY i)::vector FROM generate_series(1, "
        "1536) i WHERE t > 0) AS v "
        "FROM generate_series(1, 30) t; "
        "INSERT INTO memories (user_id, tenant_id, content, visibility, embedding_model, embedding) "
        "SELECT '00000000-0000-4000-8000-0000000000b1', '00000000-0000-4000-8000-0000000000a1', 'n' || n, 'private', "
        "'m', "
        "topics.v + (SELECT array_agg(random() - 0.5 ORDER BY i)::vector FROM generate_series(1, 1536) i WHERE n > 0) "
        "FROM generate_series(1, 3000) n JOIN topics ON t = 1 + n % 30");
    vacuum();
    const store::MemoryReader reader{alice, contoso, true, true, true};
    int found = 0;
    int wanted = 0;
    for (int question = 1; question <= 20; ++question) {
        const auto vector = database.value("SELECT (SELECT v FROM topics WHERE t = " + std::to_string(1 + question) +
                                           ") + (SELECT embedding FROM memories WHERE content = 'n" +
                                           std::to_string(question * 31) + "')");
        std::vector<float> asked;
        for (std::size_t at = 1; at < vector.size();) {
            asked.push_back(std::stof(vector.substr(at)));
            at = std::min(vector.find(',', at), vector.size() - 1) + 1;
        }
        std::set<std::string> exact;
        in([&](pg::Transaction& tx) {
            for (const auto& row : tx.raw().exec("SELECT content FROM memories ORDER BY (embedding <=> '" + vector +
                                                 "'::vector) + 0 LIMIT 8"))
                exact.insert(row[0].as<std::string>());
            for (const auto& row : store::recall_similar(tx, reader, "m", asked, -1, 8))
                found += exact.contains(row.content) ? 1 : 0;
        });
        wanted += 8;
    }
    INFO(found << " of " << wanted);
    CHECK(found >= wanted * 95 / 100);
}
