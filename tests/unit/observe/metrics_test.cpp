#include "observe/metrics.hpp"

#include <catch2/catch_test_macros.hpp>
#include <string>

using namespace oiab::observe;
using namespace std::string_literals;

namespace {

bool has_line(const std::string& text, const std::string& line) {
    return ("\n" + text).find("\n" + line + "\n") != std::string::npos;
}

}  // namespace

TEST_CASE("metrics: a gauge is shown with its help, its type and its last value") {
    Metrics metrics;
    auto gauge = metrics.gauge("oiab_jobs_running", "Jobs that this worker holds.");
    CHECK(metrics.render().empty());
    gauge.set(3);
    CHECK(metrics.render() ==
          "# HELP oiab_jobs_running Jobs that this worker holds.\n"
          "# TYPE oiab_jobs_running gauge\n"
          "oiab_jobs_running 3\n");
    gauge.set(182'344);
    CHECK(has_line(metrics.render(), "oiab_jobs_running 182344"));
    CHECK_FALSE(has_line(metrics.render(), "oiab_jobs_running 3"));
}

TEST_CASE("metrics: values that are not among those which replace them disappear") {
    Metrics metrics;
    auto held = metrics.gauge("oiab_held_seconds", "How long.");
    held.replace({{{{"name", "1"}}, 60}, {{{"name", "2"}}, 70}});
    CHECK(has_line(metrics.render(), "oiab_held_seconds{name=\"1\"} 60"));
    CHECK(has_line(metrics.render(), "oiab_held_seconds{name=\"2\"} 70"));
    held.replace({{{{"name", "2"}}, 130}});
    CHECK(metrics.render() ==
          "# HELP oiab_held_seconds How long.\n"
          "# TYPE oiab_held_seconds gauge\n"
          "oiab_held_seconds{name=\"2\"} 130\n");
    held.replace({});
    CHECK(metrics.render().empty());
    held.set(1);
    CHECK(has_line(metrics.render(), "oiab_held_seconds 1"));
}

TEST_CASE("metrics: what users wrote cannot break the format") {
    Metrics metrics;
    auto gauge = metrics.gauge("oiab_held_seconds", "How long.");
    const auto line = [&](const std::string& name) {
        gauge.replace({{{{"name", name}}, 1}});
        const auto text = metrics.render();
        const auto begin = text.find("\noiab_held_seconds{") + 1;
        CHECK(text.find('\n', begin) == text.size() - 1);
        return text.substr(begin, text.size() - begin - 1);
    };
    CHECK(line("say \"hi\"") == R"(oiab_held_seconds{name="say \"hi\""} 1)");
    CHECK(line(R"(C:\temp)") == R"(oiab_held_seconds{name="C:\\temp"} 1)");
    CHECK(line("two\nlines 1\n") == R"(oiab_held_seconds{name="two\nlines 1\n"} 1)");
    CHECK(line("}") == R"(oiab_held_seconds{name="}"} 1)");
    CHECK(line("größer") == "oiab_held_seconds{name=\"größer\"} 1");
    CHECK(line("a\xff\xc3") == "oiab_held_seconds{name=\"a\uFFFD\uFFFD\"} 1");
    CHECK(line("") == R"(oiab_held_seconds{name=""} 1)");
}

TEST_CASE("metrics: values that broken bytes alone told apart become one, and go as one") {
    Metrics metrics;
    auto gauge = metrics.gauge("oiab_held_seconds", "How long.");
    gauge.replace({{{{"name", "\xfe"}}, 1}, {{{"name", "\xff"}}, 2}});
    CHECK(has_line(metrics.render(), "oiab_held_seconds{name=\"\uFFFD\"} 2"));
    gauge.replace({});
    CHECK(metrics.render().empty());
}

TEST_CASE("metrics: where nothing is kept, nothing is rendered") {
    auto metrics = Metrics::discarding();
    auto gauge = metrics.gauge("oiab_leader", "Whether.");
    gauge.set(1);
    gauge.replace({{{{"name", "1"}}, 60}});
    CHECK(metrics.render().empty());
}
