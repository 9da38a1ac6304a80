#include "observe/log_line.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <limits>
#include <nlohmann/json.hpp>

using namespace oiab::observe;
using namespace std::string_literals;

namespace {

std::string json_line(std::string_view message, std::initializer_list<Field> fields, std::string_view worker = {}) {
    std::string line;
    const LogTime time{std::chrono::duration_cast<LogTime::duration>(std::chrono::microseconds{1'700'000'000'012'345})};
    append_json_line(line, time, Level::kWarning, message, {fields.begin(), fields.size()}, worker);
    return line;
}

std::string text_line(std::string_view message, std::initializer_list<Field> fields) {
    std::string line;
    append_text_line(line, message, {fields.begin(), fields.size()});
    return line;
}

}  // namespace

TEST_CASE("json lines: message and fields arrive with their types") {
    const auto id = *oiab::core::JobId::parse("0190d0c0-1234-7abc-8def-0123456789ab");
    const auto line = nlohmann::json::parse(
        json_line("attempt \"failed\"",
                  {{"job_id", id}, {"kind", "agent-turn"}, {"attempt", 2}, {"ms", 1.5}, {"last", true}}, "w"));
    CHECK(line["ts"] == "2023-11-14T22:13:20.012345Z");
    CHECK(line["level"] == "warning");
    CHECK(line["msg"] == "attempt \"failed\"");
    CHECK(line["job_id"] == "0190d0c0-1234-7abc-8def-0123456789ab");
    CHECK(line["kind"] == "agent-turn");
    CHECK(line["attempt"] == 2);
    CHECK(line["ms"] == 1.5);
    CHECK(line["last"] == true);
    CHECK(line["worker"] == "w");
}

TEST_CASE("json lines: whatever bytes come in, one valid line comes out") {
    const auto bytes = GENERATE("a\nb\r\t\x01\x7f"s, "\xff\xfe"s, "\xc3"s, "\xc0\x80"s, "\xed\xa0\x80"s,
                                "\xf4\x90\x80\x80"s, "\xf0\x9f\x98\x80 grüß"s, "\0x"s, "\xe2\x82"s);
    const auto line = json_line(bytes, {{"field", bytes}});
    CHECK(line.find('\n') == std::string::npos);
    // The parser refuses invalid UTF-8, so getting through it is the proof.
    const auto parsed = nlohmann::json::parse(line);
    CHECK(parsed["msg"] == parsed["field"]);
}

TEST_CASE("json lines: valid UTF-8 stays as it is, each wrong byte becomes one replacement character") {
    CHECK(nlohmann::json::parse(json_line("grüße 😀", {}))["msg"] == "grüße 😀");
    CHECK(nlohmann::json::parse(json_line("a\xff\xfe"
                                          "b",
                                          {}))["msg"] ==
          "a\xEF\xBF\xBD\xEF\xBF\xBD"
          "b");
}

TEST_CASE("json lines: numbers that JSON does not have become text") {
    const auto parsed = nlohmann::json::parse(json_line("x", {{"n", std::numeric_limits<double>::quiet_NaN()}}));
    CHECK(parsed["n"].is_string());
}

TEST_CASE("text lines: fields follow the message, quoted where they would be ambiguous, on one line") {
    CHECK(text_line("claimed", {{"count", 3}, {"kind", "noop"}}) == "claimed count=3 kind=noop");
    CHECK(text_line("x", {{"error", "no such\nhost"}}) == "x error=\"no such\\nhost\"");
    CHECK(text_line("x", {{"empty", ""}}) == "x empty=\"\"");
    CHECK(text_line("two\nlines \x1b[31m", {}) == "two\\nlines \\u001b[31m");
}

TEST_CASE("log: below its level nothing reaches the sink, and a discarding log has none") {
    struct Counting final : LogSink {
        int lines = 0;
        void write(Level, std::string_view, std::span<const Field>) noexcept override { ++lines; }
    };
    const auto sink = std::make_shared<Counting>();
    const Log log{Level::kWarning, sink};
    log.debug("no");
    log.info("no");
    log.warn("yes");
    log.error("yes", {{"a", 1}});
    CHECK(sink->lines == 2);
    CHECK_FALSE(log.enabled(Level::kInfo));
    CHECK(log.enabled(Level::kError));
    CHECK_FALSE(Log::discarding().enabled(Level::kError));
}
