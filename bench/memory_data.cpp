/// @file  Fills the table memories of a migrated database: 1000 users in tenants of ten, most with about the same
/// number of memories, among them one with ten, one with 50 000 of their own, and a tenant with 50 000 shared ones
/// (less where there are fewer rows in all). Leaves questions behind in bench_questions. usage: bench_memory_data --url
/// URL [--rows 1000000] [--questions 200]

#include <endian.h>

#include <algorithm>
#include <cstring>
#include <numeric>

#include "arguments.hpp"
#include "memory_vectors.hpp"
#include "postgres.hpp"

namespace {

using namespace oiab::bench;

constexpr std::size_t kUsers = 1000;
constexpr std::size_t kTenantSize = 10;
constexpr std::size_t kTopicsOfUser = 20;
constexpr std::size_t kMemoriesOfMatter = 5;
constexpr std::size_t kSmall = 0;       ///< the user with ten memories, alone in a tenant
constexpr std::size_t kBig = 10;        ///< the user with many, alone in a tenant
constexpr std::size_t kBigTenant = 20;  ///< the first user of the tenant that shares much

std::string uuid(char kind, std::size_t number) {
    char text[40];
    std::snprintf(text, sizeof text, "%c0000000-0000-4000-8000-%012zx", kind, number);
    return text;
}
std::string user_id(std::size_t user) { return uuid('b', user); }
std::string tenant_id(std::size_t user) { return uuid('a', user / kTenantSize); }

struct Memory {
    std::uint32_t user;
    std::uint32_t number;  ///< within the user
};

std::uint64_t topic_of(const Memory& memory) {
    Random random{memory.user * 7919ULL + memory.number / kMemoriesOfMatter % kTopicsOfUser};
    return random.below(Vectors::kTopics);
}
std::uint64_t matter_of(const Memory& memory) { return memory.user * 1'000'000ULL + memory.number / kMemoriesOfMatter; }
std::uint64_t key_of(const Memory& memory) { return memory.user * 1'000'000ULL + memory.number; }

const char* visibility_of(const Memory& memory) {
    const std::size_t share = Random{key_of(memory) + 99}.below(100);
    if (memory.user / kTenantSize == kBigTenant / kTenantSize) return share < 90 ? "team" : "org";
    if (memory.user == kSmall || memory.user == kBig) return "private";
    return share < 85 ? "private" : share < 97 ? "team" : "org";
}

std::size_t count_of(std::size_t user, std::size_t rows) {
    const std::size_t many = std::min<std::size_t>(50'000, rows / 5);
    if (user == kSmall) return 10;
    if (user == kBig) return many;
    if (user / kTenantSize == kBigTenant / kTenantSize) return many / kTenantSize;
    if (user < kBigTenant) return 0;  // nobody else is in the tenants of the two
    return (rows - 2 * many - 10) / (kUsers - kBigTenant - kTenantSize);
}

/// A row in the binary form of COPY.
class Row {
public:
    void begin(std::int16_t fields) {
        data_.clear();
        put16(fields);
    }
    void text(std::string_view text) {
        put32(static_cast<std::int32_t>(text.size()));
        data_.append(text);
    }
    void id(const std::string& uuid) {
        put32(16);
        int high = -1;
        for (const char c : uuid) {
            if (c == '-') continue;
            const int digit = c <= '9' ? c - '0' : c - 'a' + 10;
            if (high < 0) high = digit;
            else {
                data_.push_back(static_cast<char>(high * 16 + digit));
                high = -1;
            }
        }
    }
    void vector(const Vector& values) {
        put32(static_cast<std::int32_t>(4 + 4 * values.size()));
        put16(static_cast<std::int16_t>(values.size()));
        put16(0);
        for (const float value : values) {
            std::uint32_t bits = 0;
            std::memcpy(&bits, &value, sizeof bits);
            put32(static_cast<std::int32_t>(bits));
        }
    }
    [[nodiscard]] const std::string& data() const noexcept { return data_; }

private:
    void put16(std::int16_t value) {
        const std::uint16_t big = htobe16(static_cast<std::uint16_t>(value));
        data_.append(reinterpret_cast<const char*>(&big), sizeof big);
    }
    void put32(std::int32_t value) {
        const std::uint32_t big = htobe32(static_cast<std::uint32_t>(value));
        data_.append(reinterpret_cast<const char*>(&big), sizeof big);
    }
    std::string data_;
};

class Copy {
public:
    Copy(Connection& connection, const std::string& target) : connection_{connection} {
        const Result begun{PQexec(connection_.native(), ("COPY " + target + " FROM STDIN (FORMAT binary)").c_str())};
        if (PQresultStatus(begun.get()) != PGRES_COPY_IN) fail();
        put(std::string{"PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\0", 19});
    }
    void put(const std::string& data) {
        if (PQputCopyData(connection_.native(), data.data(), static_cast<int>(data.size())) != 1) fail();
    }
    void end() {
        put("\377\377");
        if (PQputCopyEnd(connection_.native(), nullptr) != 1) fail();
        while (Result result{PQgetResult(connection_.native())}) {
            if (PQresultStatus(result.get()) != PGRES_COMMAND_OK) fail();
        }
    }

private:
    [[noreturn]] void fail() { throw std::runtime_error{PQerrorMessage(connection_.native())}; }
    Connection& connection_;
};

void make_people(Connection& connection) {
    for (std::size_t tenant = 0; tenant < kUsers / kTenantSize; ++tenant) {
        connection.execute("INSERT INTO tenants (id, name, slug) VALUES ('" + uuid('a', tenant) + "', 'Tenant', 't" +
                           std::to_string(tenant) + "') ON CONFLICT DO NOTHING");
    }
    for (std::size_t user = 0; user < kUsers; ++user) {
        connection.execute("INSERT INTO users (id, tenant_id, email) VALUES ('" + user_id(user) + "', '" +
                           tenant_id(user) + "', 'u" + std::to_string(user) + "@example.org') ON CONFLICT DO NOTHING");
    }
}

/// In the order in which a day's memories come: everybody's among each other.
std::vector<Memory> all_memories(std::size_t rows) {
    std::vector<Memory> all;
    for (std::size_t user = 0; user < kUsers; ++user) {
        for (std::size_t i = 0; i < count_of(user, rows); ++i)
            all.push_back({static_cast<std::uint32_t>(user), static_cast<std::uint32_t>(i)});
    }
    Random random{3};
    for (std::size_t i = all.size(); i > 1; --i) std::swap(all[i - 1], all[random.below(i)]);
    return all;
}

void make_memories(Connection& connection, Vectors& vectors, std::size_t rows) {
    const auto all = all_memories(rows);
    connection.execute("SET session_replication_role = replica");  // the references hold by construction
    Copy copy{connection, "memories (id, user_id, tenant_id, content, visibility, embedding_model, embedding)"};
    Row row;
    std::size_t done = 0;
    for (const Memory& memory : all) {
        row.begin(7);
        row.id(uuid('c', key_of(memory)));
        row.id(user_id(memory.user));
        row.id(tenant_id(memory.user));
        row.text("Memory " + std::to_string(memory.number) + " of user " + std::to_string(memory.user) +
                 ", a sentence or two about a matter that came up in some conversation, as people write them down.");
        row.text(visibility_of(memory));
        row.text("text-embedding-3-small");
        row.vector(vectors.memory(topic_of(memory), matter_of(memory), key_of(memory)));
        copy.put(row.data());
        if (++done % 100'000 == 0) std::fprintf(stderr, "%zu of %zu memories\n", done, all.size());
    }
    copy.end();
}

/// Questions of the user with few, the one with many, members of the tenant that shares, and everybody else.
void make_questions(Connection& connection, Vectors& vectors, std::size_t rows, std::size_t each) {
    connection.execute(
        "DROP TABLE IF EXISTS bench_questions; CREATE TABLE bench_questions (class text, user_id uuid, tenant_id uuid, "
        "embedding vector)");
    Copy copy{connection, "bench_questions"};
    Row row;
    Random random{4};
    std::size_t number = 0;
    for (const char* name : {"few", "usual", "many own", "many shared"}) {
        const std::string kind = name;
        for (std::size_t i = 0; i < each; ++i) {
            const std::size_t user = kind == "few"        ? kSmall
                                     : kind == "many own" ? kBig
                                     : kind == "usual"
                                         ? kBigTenant + kTenantSize + random.below(kUsers - kBigTenant - kTenantSize)
                                         : kBigTenant + random.below(kTenantSize);
            const Memory about{static_cast<std::uint32_t>(user),
                               static_cast<std::uint32_t>(random.below(count_of(user, rows)))};
            row.begin(4);
            row.text(kind);
            row.id(user_id(user));
            row.id(tenant_id(user));
            row.vector(vectors.question(topic_of(about), matter_of(about), key_of(about), number++));
            copy.put(row.data());
        }
    }
    copy.end();
}

}  // namespace

int main(int argc, char** argv) {
    return program(argc, argv, [](const Arguments& arguments) {
        Connection connection{arguments.required("url")};
        const auto rows = static_cast<std::size_t>(arguments.number("rows", 1'000'000));
        Vectors vectors;
        make_people(connection);
        make_memories(connection, vectors, rows);
        make_questions(connection, vectors, rows, static_cast<std::size_t>(arguments.number("questions", 200)));
    });
}
