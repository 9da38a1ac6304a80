#pragma once
/// @file  A skill as the file SKILL.md that agent runtimes read: YAML front matter, then the body. Pure; any thread.

#include <string>
#include <string_view>

namespace oiab::agent {

/// The name under which a runtime accepts a skill, of its file's directory, too: lowercase letters, digits and single
/// hyphens, at most 64. A name that loses anything but case and separators on the way ends in a piece of its hash, so
/// that two names do not become one. Never empty; the same name always gives the same.
[[nodiscard]] std::string make_skill_file_name(std::string_view name);

/// The text of SKILL.md: name (as make_skill_file_name makes it), description (one line, 1 to 1024 characters; the name
/// where there is none) and version as front matter, then the body. Input may be any bytes; the file is valid UTF-8,
/// and nothing in a description can end the front matter or add a field.
[[nodiscard]] std::string make_skill_file(std::string_view name, std::string_view description, std::string_view body,
                                          int version);

}  // namespace oiab::agent
