/// @file  The installed client: a project that knows nothing of this one finds it, builds with it and enqueues.

#include <catch2/catch_test_macros.hpp>
#include <filesystem>

#include "support/child_process.hpp"
#include "support/temporary_directory.hpp"
#include "support/test_database.hpp"

using namespace oiab::tests;
using namespace std::chrono_literals;

namespace {

std::string run(std::vector<std::string> command) {
    const auto finished = run_child(std::move(command), {}, 120s);
    INFO(finished.out << finished.err);
    REQUIRE(finished.code == 0);
    return finished.out;
}

}  // namespace

TEST_CASE("client package: another project finds it where it was installed, and its jobs commit with its data") {
    const TemporaryDirectory directory;
    const auto prefix = directory.path() + "/prefix";
    const auto build = directory.path() + "/build";
    run({"cmake", "--install", OIAB_BINARY_DIR, "--component", "client", "--prefix", prefix});
    // Its own header and nothing else of this project.
    std::vector<std::string> headers;
    for (const auto& entry : std::filesystem::recursive_directory_iterator{prefix + "/include"})
        if (entry.is_regular_file()) headers.push_back(std::filesystem::relative(entry.path(), prefix).string());
    CHECK(headers == std::vector<std::string>{"include/oiab/client.hpp"});

    // Without the layers' directories, whose links would let the header be found by accident.
    run({"cmake", "-S", OIAB_SOURCE_DIR "/tests/process/client/consumer", "-B", build, "-G", "Ninja",
         "-DCMAKE_PREFIX_PATH=" + prefix + ";" OIAB_SOURCE_DIR "/.deps/prefix", "-DCMAKE_CXX_COMPILER=" OIAB_COMPILER,
         // What was built with a sanitizer links with it alone.
         std::string_view{OIAB_SANITIZER}.empty() ? "-DCMAKE_CXX_FLAGS="
                                                  : "-DCMAKE_CXX_FLAGS=-fsanitize=" OIAB_SANITIZER});
    run({"cmake", "--build", build});

    TestDatabase database;
    database.execute("CREATE TABLE orders (id int, state text); INSERT INTO orders VALUES (7, 'open')");
    CHECK(run({build + "/shop", database.url(), "rollback"}) == "1 3 1\n");
    CHECK(database.value("SELECT state || (SELECT count(*) FROM jobs) FROM orders") == "open0");
    CHECK(run({build + "/shop", database.url(), "commit"}) == "1 3 1\n");
    CHECK(database.value("SELECT state || (SELECT count(*) FROM jobs) FROM orders") == "paid4");
    CHECK(database.value("SELECT string_agg(kind || payload || (run_at - created_at), ' ' ORDER BY id) FROM jobs") ==
          "send-receipt{\"order\": 7}00:10:00 ship-item100:00:00 ship-item200:00:00 ship-item300:00:00");
}
