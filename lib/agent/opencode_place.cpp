#include "agent/opencode_place.hpp"

#include <algorithm>

#include "agent/trajectory.hpp"

namespace oiab::agent {
namespace {

/// As opencode accepts it, and as it can stand in a path.
bool is_opencode_session(std::string_view id) {
    constexpr std::size_t kLongest = 100;
    return id.starts_with("ses") && id.size() > 3 && id.size() <= kLongest && std::ranges::all_of(id, [](char c) {
               return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
                      c == '-';
           });
}

void replace_all(std::string& text, std::string_view what, const std::string& with) {
    for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at + with.size())) {
        text.replace(at, what.size(), with);
    }
}

}  // namespace

std::string opencode_session_id(const store::SessionRow& session) {
    if (session.runtime_session_id && is_opencode_session(*session.runtime_session_id)) {
        return *session.runtime_session_id;
    }
    if (is_opencode_session(session.session_id)) return session.session_id;
    constexpr std::size_t kHexDigits = 26;  // as long as opencode's own
    return "ses_" + sha256_hex(session.session_id).substr(0, kHexDigits);
}

std::string opencode_message_id(core::JobId job) { return "msg_" + job.value.to_hex(); }
std::string opencode_part_id(core::JobId job) { return "prt_" + job.value.to_hex(); }

std::string fill_directory(std::string_view pattern, const Person& person) {
    std::string directory{pattern};
    replace_all(directory, "{tenant}", person.tenant_id ? person.tenant_id->to_string() : "operator");
    replace_all(directory, "{user}", person.user_id.to_string());
    return directory;
}

SplitDirectory split_directory(std::string_view pattern) {
    const auto brace = pattern.find('{');
    const auto slash = brace == std::string_view::npos ? brace : pattern.rfind('/', brace);
    if (slash == std::string_view::npos) return {std::string{pattern}, {}};
    return {std::string{pattern.substr(0, std::max<std::size_t>(slash, 1))}, std::string{pattern.substr(slash + 1)}};
}

}  // namespace oiab::agent
