#include "agent/opencode_rules.hpp"

#include <catch2/catch_test_macros.hpp>

using namespace oiab::agent;

namespace {

Permissions roles(std::set<std::string, std::less<>> allowed, std::set<std::string, std::less<>> denied = {}) {
    Permissions permissions;
    permissions.tools_allowed = std::move(allowed);
    permissions.tools_denied = std::move(denied);
    return permissions;
}

bool allows(const Permissions& permissions, const char* permission,
            const std::optional<std::vector<std::string>>& of_template = std::nullopt) {
    return rules_allow(compile_opencode_rules(permissions, of_template), permission);
}

}  // namespace

TEST_CASE("opencode rules: what no role names is denied") {
    CHECK_FALSE(allows(roles({}), "bash"));
    CHECK_FALSE(allows(roles({"read"}), "bash"));
    CHECK(allows(roles({"read"}), "read"));
    CHECK(compile_opencode_rules(roles({"read"}), std::nullopt).front().permission == "*");
}

TEST_CASE("opencode rules: write and its relatives are the permission edit") {
    for (const char* tool : {"write", "edit", "patch", "multiedit", "apply_patch"}) {
        INFO(tool);
        CHECK(opencode_permission(tool) == "edit");
        CHECK(allows(roles({tool}), "edit"));
        CHECK_FALSE(allows(roles({"*"}, {tool}), "edit"));
    }
    CHECK_FALSE(allows(roles({"edit"}, {"write"}), "edit"));
}

TEST_CASE("opencode rules: denied wins over allowed, and over everything") {
    CHECK(allows(roles({"*"}), "bash"));
    CHECK_FALSE(allows(roles({"*", "bash"}, {"bash"}), "bash"));
    CHECK_FALSE(allows(roles({"*"}, {"*"}), "read"));
    CHECK_FALSE(allows(roles({"read"}, {"*"}), "read"));
}

TEST_CASE("opencode rules: the beginning of a name denies whatever the tools of such names are called in opencode") {
    for (const char* entry : {"write*", "w*", "multi*", "patch*", "apply_*"}) {
        INFO(entry);
        CHECK_FALSE(allows(roles({"*"}, {entry}), "edit"));
        CHECK(allows(roles({"*"}, {entry}), "bash"));
    }
    CHECK_FALSE(allows(roles({"*"}, {"todor*"}), "todowrite"));
    CHECK_FALSE(allows(roles({"*"}, {"ba*"}), "bash"));
    CHECK_FALSE(allows(roles({"*", "external_directory"}, {"external*"}), "external_directory"));
}

TEST_CASE("opencode rules: a tool of a server is denied by its name here and by its name there") {
    CHECK_FALSE(allows(roles({"*"}, {"mail__*"}), "mail_send"));
    CHECK_FALSE(allows(roles({"*"}, {"mail__send"}), "mail_send"));
    CHECK_FALSE(allows(roles({"*"}, {"mail_*"}), "mail_send"));
    CHECK(allows(roles({"*"}, {"mail__send"}), "mail_read"));
    CHECK(allows(roles({"*"}, {"mail__*"}), "files_read"));
    CHECK_FALSE(allows(roles({"*"}, {"mail__send__all"}), "mail_send__all"));
}

TEST_CASE("opencode rules: nobody answers questions, and only a name opens other directories") {
    for (const auto& permissions : {roles({"*"}), roles({"*", "question"}), roles({"question"})}) {
        CHECK_FALSE(allows(permissions, "question"));
    }
    CHECK_FALSE(allows(roles({"*"}), "external_directory"));
    CHECK_FALSE(allows(roles({"*"}), "doom_loop"));
    CHECK(allows(roles({"*", "external_directory"}), "external_directory"));
}

TEST_CASE("opencode rules: a template narrows what roles allow and never widens it") {
    using Names = std::vector<std::string>;
    CHECK(allows(roles({"*"}), "bash", Names{"*"}));
    CHECK(allows(roles({"*"}), "bash", Names{"bash"}));
    CHECK_FALSE(allows(roles({"*"}), "read", Names{"bash"}));
    CHECK_FALSE(allows(roles({"read"}), "bash", Names{"bash", "read"}));
    CHECK(allows(roles({"read"}), "read", Names{"bash", "read"}));
    CHECK_FALSE(allows(roles({"*"}), "bash", Names{}));
    CHECK_FALSE(allows(roles({"*"}, {"bash"}), "bash", Names{"bash"}));
}

TEST_CASE("opencode rules: a wildcard within a name allows nothing") {
    for (const auto& rule : compile_opencode_rules(roles({"b*", "?ead"}), std::nullopt)) {
        CHECK(rule.action == "deny");
    }
}

TEST_CASE("opencode rules: a session's rules end with ours or they do not") {
    const auto ours = compile_opencode_rules(roles({"read"}), std::nullopt);
    auto have = compile_opencode_rules(roles({"*"}), std::nullopt);
    CHECK_FALSE(rules_end_with(have, ours));
    have.insert(have.end(), ours.begin(), ours.end());
    CHECK(rules_end_with(have, ours));
    CHECK_FALSE(rules_end_with({}, ours));
    CHECK_FALSE(rules_allow(have, "bash"));
}
