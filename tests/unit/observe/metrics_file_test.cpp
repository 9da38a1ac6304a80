#include "observe/metrics_file.hpp"

#include <sys/stat.h>

#include <atomic>
#include <catch2/catch_test_macros.hpp>
#include <fstream>
#include <iterator>
#include <thread>
#include <utility>
#include <vector>

#include "observe/metrics_writer.hpp"
#include "support/eventually.hpp"
#include "support/temporary_directory.hpp"

using namespace oiab::observe;
using namespace oiab::tests;
using namespace std::chrono_literals;
namespace fs = std::filesystem;

namespace {

std::string read(const std::string& path) {
    std::ifstream file{path, std::ios::binary};
    return {std::istreambuf_iterator<char>{file}, {}};
}

class Lines final : public LogSink {
public:
    void write(Level level, std::string_view message, std::span<const Field> fields) noexcept override {
        std::string line{level == Level::kWarning ? "warning: " : "info: "};
        line += message;
        for (const auto& field : fields)
            line += " " + std::string{field.key} + "=" + std::string{std::get<std::string_view>(field.value)};
        lines_.push_back(std::move(line));
    }
    [[nodiscard]] std::vector<std::string> take() { return std::exchange(lines_, {}); }

private:
    std::vector<std::string> lines_;
};

struct World {
    TemporaryDirectory directory;
    std::string path = directory.path() + "/oiabd.prom";
    Metrics metrics;
    Gauge leader = metrics.gauge("oiab_leader", "Whether.");
    std::shared_ptr<Lines> lines = std::make_shared<Lines>();
    Log log{Level::kInfo, lines};
    using Said = std::vector<std::string>;
};

}  // namespace

TEST_CASE_METHOD(World,
                 "metrics file: holds what was rendered last, for everybody to read, and nothing stays beside it") {
    const auto mask = ::umask(0077);
    MetricsFile file{path, metrics, log};
    leader.set(1);
    file.write();
    CHECK(read(path) == metrics.render());
    leader.set(0);
    file.write();
    ::umask(mask);
    CHECK(read(path).ends_with("\noiab_leader 0\n"));
    CHECK((fs::status(path).permissions() & fs::perms::all) == fs::perms{0644});
    CHECK(std::distance(fs::directory_iterator{directory.path()}, fs::directory_iterator{}) == 1);
    file.remove();
    CHECK(fs::is_empty(directory.path()));
    file.remove();
    CHECK(lines->take().empty());
}

TEST_CASE_METHOD(World, "metrics file: a reader never sees a part of it") {
    MetricsFile file{path, metrics, log};
    auto many = metrics.gauge("oiab_many", "Enough for several blocks.");
    const auto fill = [&](std::size_t count) {
        std::vector<Sample> samples;
        for (std::size_t i = 0; i < count; ++i) samples.push_back({{{"name", std::to_string(i)}}, 1});
        many.replace(samples);
        file.write();
        return metrics.render();
    };
    const auto small = fill(1);
    const auto large = fill(2'000);
    std::atomic<bool> done{false};
    std::atomic<int> read_whole{0};
    std::atomic<int> read_else{0};
    std::thread reader{[&] {
        while (!done) {
            const auto text = read(path);
            // The library does not keep an order among a gauge's values.
            (text.size() == small.size() || text.size() == large.size() ? read_whole : read_else)++;
        }
    }};
    for (int i = 0; i < 20 || (read_whole < 20 && i < 2'000); ++i) (void)fill(i % 2 == 0 ? 1 : 2'000);
    done = true;
    reader.join();
    CHECK(read_whole > 0);
    CHECK(read_else == 0);
}

TEST_CASE_METHOD(World, "metrics file: a failure is warned of once, and its end is told") {
    const auto folder = directory.path() + "/later";
    path = folder + "/oiabd.prom";
    MetricsFile file{path, metrics, log};
    leader.set(1);
    file.write();
    CHECK(lines->take() == Said{"warning: could not write the metrics file; trying again file=" + path +
                                " error=No such file or directory"});
    file.write();
    CHECK(lines->take().empty());
    fs::create_directory(folder);
    file.write();
    CHECK(lines->take() == Said{"info: the metrics file is written again file=" + path});
    CHECK(read(path) == metrics.render());
    file.write();
    CHECK(lines->take().empty());
    // Not by permissions, which root does not have to obey.
    file.remove();
    fs::create_directories(path + "/in the way");
    file.write();
    CHECK(lines->take() ==
          Said{"warning: could not write the metrics file; trying again file=" + path + " error=Is a directory"});
    CHECK_FALSE(fs::exists(path + ".draft"));
}

TEST_CASE_METHOD(World, "metrics file: a draft that is a link is replaced and not followed") {
    const auto other = directory.write("other", "somebody's");
    fs::create_symlink(other, path + ".draft");
    leader.set(1);
    MetricsFile{path, metrics, log}.write();
    CHECK(read(other) == "somebody's");
    CHECK(read(path) == metrics.render());
}

TEST_CASE_METHOD(World, "metrics writer: writes at once, and removes the file when it stops") {
    leader.set(1);
    {
        MetricsWriter writer{path, metrics, log};
        CHECK_FALSE(fs::exists(path));
        writer.start();
        eventually(10s, [&] { return read(path) == metrics.render(); }, "the file is written");
        writer.stop();
        CHECK(fs::is_empty(directory.path()));
        writer.start();
        eventually(10s, [&] { return fs::exists(path); }, "the file is written");
    }
    CHECK(fs::is_empty(directory.path()));
    const auto stranger = directory.write("oiabd.prom", "of somebody else\n");
    MetricsWriter{path, metrics, log}.stop();
    CHECK(read(stranger) == "of somebody else\n");
}
