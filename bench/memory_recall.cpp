/// @file  Measures recall: asks the questions that bench_memory_data left behind with one statement or several, and
/// says for each kind of user how long an answer takes, how much of that the server's CPU, and how many of the exact
/// answer's eight memories are in it. usage: bench_memory_recall --url URL --statements NAME=FILE[,NAME=FILE…]
/// [--before SQL] [--rounds 3] [--class KIND] A statement takes the parameters of
/// lib/store/sql/recall_similar.sql. The rounds of several statements are interleaved, so that a busy machine is unfair
/// to all of them alike.

#include <algorithm>
#include <chrono>
#include <fstream>
#include <set>
#include <sstream>
#include <vector>

#include "arguments.hpp"
#include "postgres.hpp"

namespace {

using namespace oiab::bench;
constexpr const char* kModel = "text-embedding-3-small";
constexpr const char* kLimit = "8";
constexpr const char* kThreshold = "0.3";

/// Every row of the user by its full vector, whatever index there may be: adding 0 makes none apply.
constexpr const char* kExact =
    "SELECT id FROM (SELECT id, (embedding <=> $7::vector) + 0 AS distance FROM memories WHERE embedding_model = $6 "
    "AND (($3::boolean AND user_id = $1 AND (tenant_id = $2::uuid OR tenant_id IS NULL)) "
    "OR ($4::boolean AND visibility = 'team' AND tenant_id = $2::uuid) OR ($5::boolean AND visibility = 'org' AND "
    "tenant_id = $2::uuid)) "
    "ORDER BY distance LIMIT $9::integer) AS nearest WHERE 1 - distance >= $8::double precision";

struct Question {
    std::string kind;
    std::string user;
    std::string tenant;
    std::string vector;
    std::set<std::string> answer;
};

struct Figures {
    std::vector<double> milliseconds;
    double cpu_ms = 0;
    double hits = 0;
    double wanted = 0;
};

std::string read_file(const std::string& path) {
    std::ifstream file{path};
    if (!file) throw std::runtime_error{"cannot read " + path};
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
}

std::vector<std::string> split(const std::string& text) {
    std::vector<std::string> parts;
    std::istringstream stream{text};
    for (std::string part; std::getline(stream, part, ',');) parts.push_back(part);
    return parts;
}

/// What the scheduler gave a process, in milliseconds; 0 where it cannot be told.
double cpu_of(const std::string& pid) {
    std::ifstream file{"/proc/" + pid + "/schedstat"};
    double nanoseconds = 0;
    file >> nanoseconds;
    return nanoseconds / 1e6;
}

Result ask(Connection& connection, const char* statement, const Question& question) {
    return connection.run(statement, {question.user.c_str(), question.tenant.c_str(), "t", "t", "t", kModel,
                                      question.vector.c_str(), kThreshold, kLimit});
}

std::vector<Question> load_questions(Connection& connection, const std::string& only) {
    std::vector<Question> questions;
    const auto rows = connection.execute("SELECT class, user_id, tenant_id, embedding FROM bench_questions");
    for (int i = 0; i < PQntuples(rows.get()); ++i) {
        const auto value = [&](int column) { return std::string{PQgetvalue(rows.get(), i, column)}; };
        if (only.empty() || only == value(0)) questions.push_back({value(0), value(1), value(2), value(3), {}});
    }
    connection.prepare("exact", kExact);
    for (auto& question : questions) {
        const auto found = ask(connection, "exact", question);
        for (int i = 0; i < PQntuples(found.get()); ++i) question.answer.insert(PQgetvalue(found.get(), i, 0));
    }
    return questions;
}

double percentile(std::vector<double>& values, double share) {
    std::sort(values.begin(), values.end());
    return values.empty() ? 0 : values[static_cast<std::size_t>(share * static_cast<double>(values.size() - 1))];
}

using ByKind = std::map<std::string, Figures>;

void measure(Connection& connection, const std::string& name, std::vector<Question>& questions, bool count,
             ByKind& figures) {
    const std::string pid = std::to_string(PQbackendPID(connection.native()));
    for (const Question& question : questions) {
        connection.execute("BEGIN");  // as the worker's transaction does
        const double cpu = cpu_of(pid);
        const auto began = std::chrono::steady_clock::now();
        const auto found = ask(connection, name.c_str(), question);
        const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - began;
        Figures& figure = figures[question.kind];
        if (count) {
            figure.milliseconds.push_back(took.count());
            figure.cpu_ms += cpu_of(pid) - cpu;
            figure.wanted += static_cast<double>(question.answer.size());
            for (int i = 0; i < PQntuples(found.get()); ++i)
                figure.hits += question.answer.contains(PQgetvalue(found.get(), i, 0)) ? 1 : 0;
        }
        connection.execute("COMMIT");
    }
}

}  // namespace

int main(int argc, char** argv) {
    return program(argc, argv, [](const Arguments& arguments) {
        Connection connection{arguments.required("url")};
        connection.execute("SET jit = off");
        auto questions = load_questions(connection, arguments.text("class", ""));
        const std::string before = arguments.text("before", "");
        if (!before.empty()) connection.execute(before);
        std::vector<std::string> names;
        for (const auto& pair : split(arguments.required("statements"))) {
            const auto middle = pair.find('=');
            names.push_back(pair.substr(0, middle));
            connection.prepare(names.back().c_str(), read_file(pair.substr(middle + 1)));
        }
        std::map<std::string, ByKind> figures;
        const long rounds = arguments.number("rounds", 3);
        for (long round = 0; round <= rounds; ++round) {  // the first one warms up
            for (const auto& name : names) measure(connection, name, questions, round > 0, figures[name]);
        }
        for (const auto& name : names) {
            for (auto& [kind, figure] : figures[name]) {
                char line[400];
                const double count = static_cast<double>(figure.milliseconds.size());
                std::snprintf(
                    line, sizeof line,
                    R"({"statement": "%s", "user": "%s", "p50_ms": %.2f, "p95_ms": %.2f, "p99_ms": %.2f, "cpu_ms": %.2f, "recall": %.4f})",
                    name.c_str(), kind.c_str(), percentile(figure.milliseconds, 0.5),
                    percentile(figure.milliseconds, 0.95), percentile(figure.milliseconds, 0.99), figure.cpu_ms / count,
                    figure.hits / std::max(1.0, figure.wanted));
                std::printf("%s\n", line);
            }
        }
    });
}
