#include "agent/opencode_skills.hpp"

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <set>
#include <stdexcept>

#include "agent/skill_file.hpp"
#include "store/skills.hpp"

namespace oiab::agent {
namespace {

namespace fs = std::filesystem;

/// Which skills are ours to remove; other people's are left alone.
constexpr const char* kListName = ".oiabd-skills";

std::set<std::string> read_list(const fs::path& file) {
    std::set<std::string> names;
    std::ifstream stream{file};
    for (std::string line; std::getline(stream, line);) {
        // Whoever works in the sandbox can write here: only what such a name looks like is ever removed.
        if (make_skill_file_name(line) == line) names.insert(line);
    }
    return names;
}

/// Whole or not at all: opencode may read at any time.
void write_file(const fs::path& file, const std::string& text) {
    const fs::path draft = file.string() + ".new-" + std::to_string(getpid());
    {
        std::ofstream stream{draft, std::ios::binary | std::ios::trunc};
        stream << text;
        if (!stream.flush()) throw std::runtime_error{"cannot write " + file.filename().string()};
    }
    fs::rename(draft, file);
}

/// The directory is the sandbox's, and whoever works there may put links where files of ours belong.
void make_own_directory(const fs::path& path) {
    fs::create_directory(path);
    if (fs::is_symlink(path)) throw std::runtime_error{path.filename().string() + " is a link; no skills are written"};
}

bool holds(const fs::path& file, const std::string& text) {
    std::ifstream stream{file, std::ios::binary};
    return stream && std::string{std::istreambuf_iterator<char>{stream}, {}} == text;
}

}  // namespace

std::vector<std::string> write_opencode_skills(pg::Transaction& tx, std::optional<core::TenantId> tenant,
                                               const std::string& directory) {
    fs::create_directories(directory);
    const fs::path place = fs::path{directory} / ".opencode" / "skill";
    // Before anything below it is looked at: .opencode may lead anywhere.
    if (fs::is_symlink(place) || fs::is_symlink(place.parent_path())) {
        throw std::runtime_error{".opencode/skill is a link; no skills are written"};
    }
    const auto skills = store::load_promoted_skills(tx, tenant);
    auto stale = read_list(place / kListName);
    if (skills.empty() && stale.empty()) return {};
    std::string list;
    std::vector<std::string> names;
    make_own_directory(fs::path{directory} / ".opencode");
    make_own_directory(place);
    for (const auto& skill : skills) {
        const auto body = store::find_skill_body(tx, tenant, skill.name);
        if (!body) continue;
        const std::string name = make_skill_file_name(skill.name);
        const std::string text = make_skill_file(skill.name, skill.description, *body, skill.version);
        list += name + "\n";
        names.push_back(name);
        stale.erase(name);
        make_own_directory(place / name);
        if (!holds(place / name / "SKILL.md", text)) write_file(place / name / "SKILL.md", text);
    }
    for (const auto& name : stale) {
        std::error_code ignored;  // somebody else may have removed it, or put something beside it
        fs::remove(place / name / "SKILL.md", ignored);
        fs::remove(place / name, ignored);
    }
    if (!holds(place / kListName, list)) write_file(place / kListName, list);
    return names;
}

}  // namespace oiab::agent
