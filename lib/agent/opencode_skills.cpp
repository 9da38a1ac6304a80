#include "agent/opencode_skills.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <filesystem>
#include <optional>
#include <set>
#include <sstream>
#include <system_error>
#include <utility>

#include "agent/skill_file.hpp"
#include "store/skills.hpp"

namespace oiab::agent {
namespace {

/// Which skills are ours to remove; other people's are left alone.
constexpr const char* kListName = ".oiabd-skills";
constexpr const char* kSkillFile = "SKILL.md";
constexpr std::size_t kLongestList = 64U << 10U;

[[noreturn]] void fail(const std::string& what) { throw std::system_error{errno, std::generic_category(), what}; }

class Descriptor {
public:
    explicit Descriptor(int number) : number_{number} {}
    Descriptor(Descriptor&& other) noexcept : number_{std::exchange(other.number_, -1)} {}
    Descriptor& operator=(Descriptor&& other) noexcept {
        std::swap(number_, other.number_);
        return *this;
    }
    ~Descriptor() {
        if (number_ >= 0) ::close(number_);
    }
    [[nodiscard]] int get() const noexcept { return number_; }
    [[nodiscard]] bool is_open() const noexcept { return number_ >= 0; }

private:
    int number_;
};

/// A directory that is one, and no link to one. @returns nullopt where there is nothing of that name
std::optional<Descriptor> find_directory(const Descriptor& parent, const std::string& name) {
    Descriptor found{::openat(parent.get(), name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)};
    if (found.is_open()) return found;
    if (errno == ENOENT) return std::nullopt;
    fail(name + " cannot be opened as a directory of its own; no skills are written");
}

Descriptor make_directory(const Descriptor& parent, const std::string& name) {
    constexpr mode_t kMode = 0755;
    if (::mkdirat(parent.get(), name.c_str(), kMode) != 0 && errno != EEXIST) fail("cannot make " + name);
    auto made = find_directory(parent, name);
    if (!made) fail("cannot open " + name);
    return std::move(*made);
}

/// @returns nullopt where there is no regular file of that name, or more than `most` bytes in it
std::optional<std::string> read_file(const Descriptor& directory, const char* name, std::size_t most) {
    // Opening a pipe would wait for a writer.
    const Descriptor file{::openat(directory.get(), name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)};
    struct stat status{};
    if (!file.is_open() || ::fstat(file.get(), &status) != 0 || !S_ISREG(status.st_mode)) return std::nullopt;
    std::string text;
    std::array<char, 16384> piece{};
    while (text.size() <= most) {
        const auto count = ::read(file.get(), piece.data(), piece.size());
        if (count < 0) return std::nullopt;
        if (count == 0) return text;
        text.append(piece.data(), static_cast<std::size_t>(count));
    }
    return std::nullopt;
}

void write_all(const Descriptor& file, std::string_view text, const std::string& name) {
    while (!text.empty()) {
        const auto count = ::write(file.get(), text.data(), text.size());
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) fail("cannot write " + name);
        text.remove_prefix(static_cast<std::size_t>(count));
    }
}

/// Whole or not at all: opencode may read at any time.
void write_file(const Descriptor& directory, const std::string& name, const std::string& text) {
    constexpr mode_t kMode = 0644;
    // Turns of one tenant may write at the same time.
    const std::string draft = name + ".new-" + std::to_string(::getpid()) + "-" + std::to_string(::gettid());
    ::unlinkat(directory.get(), draft.c_str(), 0);
    const Descriptor file{
        ::openat(directory.get(), draft.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, kMode)};
    if (!file.is_open()) fail("cannot write " + name);
    try {
        write_all(file, text, name);
        if (::renameat(directory.get(), draft.c_str(), directory.get(), name.c_str()) != 0) fail("cannot put " + name);
    } catch (const std::system_error&) {
        ::unlinkat(directory.get(), draft.c_str(), 0);
        throw;
    }
}

void keep_file(const Descriptor& directory, const char* name, const std::string& text) {
    if (read_file(directory, name, text.size()) != text) write_file(directory, name, text);
}

std::set<std::string> read_list(const Descriptor& place) {
    std::set<std::string> names;
    std::istringstream stream{read_file(place, kListName, kLongestList).value_or("")};
    for (std::string line; std::getline(stream, line);) {
        // Whoever works in the sandbox can write here: only what such a name looks like is ever removed.
        if (make_skill_file_name(line) == line) names.insert(line);
    }
    return names;
}

/// What else somebody has put beside it stays.
void remove_skill(const Descriptor& place, const std::string& name) {
    {
        const Descriptor directory{
            ::openat(place.get(), name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)};
        if (!directory.is_open()) return;
        ::unlinkat(directory.get(), kSkillFile, 0);
    }
    ::unlinkat(place.get(), name.c_str(), AT_REMOVEDIR);
}

Descriptor open_root(const std::string& root) {
    std::filesystem::create_directories(root);
    Descriptor opened{::open(root.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
    if (!opened.is_open()) fail("cannot open the directory for skills");
    return opened;
}

}  // namespace

std::vector<OpencodeSkill> load_opencode_skills(pg::Transaction& tx, std::optional<core::TenantId> tenant) {
    std::vector<OpencodeSkill> skills;
    for (const auto& skill : store::load_promoted_skills(tx, tenant)) {
        const auto body = store::find_skill_body(tx, tenant, skill.name);
        if (!body) continue;
        skills.push_back(
            {make_skill_file_name(skill.name), make_skill_file(skill.name, skill.description, *body, skill.version)});
    }
    return skills;
}

std::vector<std::string> write_opencode_skills(const std::vector<OpencodeSkill>& skills, const std::string& root,
                                               const std::string& below) {
    Descriptor directory = open_root(root);
    for (const auto& component : std::filesystem::path{below}) {
        if (!component.empty()) directory = make_directory(directory, component.string());
    }
    std::set<std::string> stale;
    if (const auto found = find_directory(directory, ".opencode")) {
        if (const auto place = find_directory(*found, "skill")) stale = read_list(*place);
    }
    if (skills.empty() && stale.empty()) return {};
    const Descriptor place = make_directory(make_directory(directory, ".opencode"), "skill");
    std::string list;
    std::vector<std::string> names;
    for (const auto& skill : skills) {
        list += skill.name + "\n";
        names.push_back(skill.name);
        stale.erase(skill.name);
        keep_file(make_directory(place, skill.name), kSkillFile, skill.text);
    }
    for (const auto& name : stale) remove_skill(place, name);
    keep_file(place, kListName, list);
    return names;
}

}  // namespace oiab::agent
