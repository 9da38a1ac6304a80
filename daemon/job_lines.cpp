#include "daemon/job_lines.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <functional>
#include <nlohmann/json.hpp>
#include <set>

#include "config/value.hpp"
#include "core/timestamp.hpp"
#include "daemon/json_check.hpp"

namespace oiab::daemon {
namespace {

constexpr std::string_view kSpace{" \t\r\n"};

/// Where the value that begins at `from` ends, in text that is known to be JSON.
std::size_t end_of_value(std::string_view text, std::size_t from) {
    int depth = 0;
    bool quoted = false;
    for (auto i = from; i < text.size(); ++i) {
        const char c = text[i];
        if (quoted) {
            if (c == '\\') ++i;
            else if (c == '"') quoted = false;
        } else if (c == '"') {
            quoted = true;
        } else if (c == '{' || c == '[') {
            ++depth;
        } else if (c == '}' || c == ']') {
            if (--depth < 0) return i;
        } else if (depth == 0 && (c == ',' || c == ':' || kSpace.find(c) != std::string_view::npos)) {
            return i;
        }
    }
    return text.size();
}

/// Calls `member` with the name and the text of the value of each member of an object, until it answers false.
void for_each_member(std::string_view object, const std::function<bool(std::string_view, std::string_view)>& member) {
    auto at = object.find('{') + 1;
    const auto skip = [&] {
        while (at < object.size() &&
               (kSpace.find(object[at]) != std::string_view::npos || object[at] == ',' || object[at] == ':'))
            ++at;
    };
    for (skip(); at < object.size() && object[at] != '}'; skip()) {
        const auto name_end = end_of_value(object, at);
        const auto name = object.substr(at, name_end - at);
        at = name_end;
        skip();
        const auto value_end = end_of_value(object, at);
        if (!member(name, object.substr(at, value_end - at))) return;
        at = value_end;
    }
}

using Problem = std::string;
using Read = Problem (*)(core::NewJob&, const nlohmann::json&);

Problem read_text(const nlohmann::json& value, std::string& text, std::size_t longest) {
    if (!value.is_string()) return "must be a string";
    text = value.get<std::string>();
    if (text.find('\0') != std::string::npos) return "must not contain a NUL character";
    const auto characters =
        std::ranges::count_if(text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; });
    if (text.empty() || static_cast<std::size_t>(characters) > longest)
        return longest == std::string::npos ? "must not be empty"
                                            : fmt::format("must have 1 to {} characters", longest);
    return {};
}

Problem read_key(const nlohmann::json& value, std::optional<std::string>& key, std::size_t longest) {
    return read_text(value, key.emplace(), longest);
}

Problem read_number(const nlohmann::json& value, std::optional<int>& number, int least, int most) {
    const auto wrong = fmt::format("must be a whole number from {} to {}", least, most);
    if (!value.is_number_integer()) return wrong;
    // Beyond the signed range it is an unsigned one.
    if (value.is_number_unsigned() && value.get<std::uint64_t>() > static_cast<std::uint64_t>(most)) return wrong;
    const auto wide = value.get<std::int64_t>();
    if (wide < least || wide > most) return wrong;
    number = static_cast<int>(wide);
    return {};
}

std::expected<std::chrono::milliseconds, Problem> duration_in(const nlohmann::json& value) {
    if (!value.is_string()) return std::unexpected{Problem{"must be a duration such as \"10min\""}};
    return config::parse_duration(value.get_ref<const std::string&>());
}

template <typename Id>
Problem read_id(const nlohmann::json& value, std::optional<Id>& id) {
    if (value.is_string()) id = Id::parse(value.get_ref<const std::string&>());
    return id ? Problem{} : Problem{"must be a UUID"};
}

Problem read_run_at(core::NewJob& job, const nlohmann::json& value) {
    if (value.is_string()) job.run_at = core::parse_timestamp(value.get_ref<const std::string&>());
    return job.run_at ? Problem{} : Problem{"must be a time such as 2026-01-31T12:00:00Z"};
}

Problem read_delay(core::NewJob& job, const nlohmann::json& value) {
    const auto duration = duration_in(value);
    if (!duration) return duration.error();
    job.delay = *duration;
    return {};
}

Problem read_timeout(core::NewJob& job, const nlohmann::json& value) {
    const auto duration = duration_in(value);
    if (!duration) return duration.error();
    job.timeout = std::chrono::ceil<std::chrono::seconds>(*duration);
    return job.timeout > std::chrono::seconds::zero() ? Problem{} : Problem{"must be more than 0"};
}

struct Member {
    std::string_view name;
    Read read;
};

/// Everything but the payload, which is not parsed into values.
constexpr std::array kMembers{
    Member{"kind", [](core::NewJob& job, const nlohmann::json& value) { return read_text(value, job.kind, 200); }},
    Member{"run_at", read_run_at},
    Member{"delay", read_delay},
    Member{"dedupe_key",
           [](core::NewJob& job, const nlohmann::json& value) {
               return read_key(value, job.dedupe_key, std::string::npos);
           }},
    Member{"serial_key",
           [](core::NewJob& job, const nlohmann::json& value) { return read_key(value, job.serial_key, 500); }},
    Member{"priority", [](core::NewJob& job,
                          const nlohmann::json& value) { return read_number(value, job.priority, -32768, 32767); }},
    Member{"max_attempts",
           [](core::NewJob& job, const nlohmann::json& value) {
               return read_number(value, job.max_attempts, 1, 1'000'000);
           }},
    Member{"timeout", read_timeout},
    Member{"tenant", [](core::NewJob& job, const nlohmann::json& value) { return read_id(value, job.tenant_id); }},
    Member{"user", [](core::NewJob& job, const nlohmann::json& value) { return read_id(value, job.user_id); }},
};

Problem read_member(core::NewJob& job, const std::string& name, std::string_view text) {
    if (name == "payload") {
        job.payload = text;
        return {};
    }
    const auto* const member = std::ranges::find(kMembers, name, &Member::name);
    if (member == kMembers.end()) return fmt::format("{} is not a member of a job", config::quote(name));
    const auto value = nlohmann::json::parse(text, nullptr, false);
    if (value.is_null()) return {};
    // What it should be says enough; "kind" and the like hold nothing long.
    if (auto problem = member->read(job, value); !problem.empty()) return fmt::format("\"{}\" {}", name, problem);
    return {};
}

}  // namespace

JobLines::JobLines(int descriptor, std::size_t longest)
    : descriptor_{descriptor}, longest_{longest}, buffer_(std::size_t{1} << 16U) {}

bool JobLines::read_more() {
    if (begin_ > 0) {
        std::copy(buffer_.begin() + static_cast<std::ptrdiff_t>(begin_),
                  buffer_.begin() + static_cast<std::ptrdiff_t>(end_), buffer_.begin());
        end_ -= begin_;
        begin_ = 0;
    }
    if (end_ > longest_)
        throw UnreadableInput{fmt::format("line {} is longer than {} MiB", number_ + 1, longest_ >> 20U)};
    if (end_ == buffer_.size()) buffer_.resize(buffer_.size() * 2);
    while (true) {
        const auto count = ::read(descriptor_, buffer_.data() + end_, buffer_.size() - end_);
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) throw UnreadableInput{fmt::format("cannot read line {}: {}", number_ + 1, std::strerror(errno))};
        end_ += static_cast<std::size_t>(count);
        return count > 0;
    }
}

bool JobLines::next(std::string_view& line) {
    // Where the search for the line feed goes on; relative to begin_, which moves.
    std::size_t searched = 0;
    while (true) {
        const std::string_view rest{buffer_.data() + begin_, end_ - begin_};
        const auto feed = rest.find('\n', searched);
        if (feed != std::string_view::npos) {
            line = rest.substr(0, feed);
            begin_ += feed + 1;
            ++number_;
            return true;
        }
        searched = rest.size();
        if (read_more()) continue;
        line = {buffer_.data() + begin_, end_ - begin_};
        begin_ = end_;
        if (line.empty()) return false;
        ++number_;
        return true;
    }
}

std::expected<core::NewJob, std::string> job_of_line(std::string_view line) {
    if (const auto mistake = find_json_mistake(line)) {
        if (line.find_first_not_of(kSpace) == std::string_view::npos) return std::unexpected{"it is empty"};
        // A line has one line: only the column helps.
        return std::unexpected{fmt::format("it is not JSON from {} on", mistake->substr(mistake->find("column")))};
    }
    if (line[line.find_first_not_of(kSpace)] != '{') return std::unexpected{"it is not a JSON object"};
    core::NewJob job;
    std::set<std::string> seen;
    Problem problem;
    for_each_member(line, [&](std::string_view quoted_name, std::string_view value) {
        auto name = nlohmann::json::parse(quoted_name).get<std::string>();
        problem =
            seen.contains(name) ? fmt::format("{} is there twice", config::quote(name)) : read_member(job, name, value);
        seen.insert(std::move(name));
        return problem.empty();
    });
    if (problem.empty() && job.kind.empty()) problem = "\"kind\" is missing";
    if (problem.empty() && job.run_at && job.delay) problem = "\"run_at\" and \"delay\" exclude each other";
    if (!problem.empty()) return std::unexpected{std::move(problem)};
    return job;
}

}  // namespace oiab::daemon
