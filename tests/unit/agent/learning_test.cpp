#include "agent/learning.hpp"

#include <catch2/catch_test_macros.hpp>
#include <vector>

using namespace oiab::agent;

namespace {

ToolSet set_of(int first, int last) {
    ToolSet names;
    for (int i = first; i <= last; ++i) names.insert("tool-" + std::to_string(i));
    return names;
}

}  // namespace

TEST_CASE("learning: tools overlap from 70 % of the larger set on") {
    CHECK(tools_overlap(set_of(1, 10), set_of(1, 7)));
    CHECK(tools_overlap(set_of(1, 7), set_of(1, 10)));
    CHECK_FALSE(tools_overlap(set_of(1, 10), set_of(5, 10)));
    CHECK_FALSE(tools_overlap(set_of(1, 3), set_of(1, 2)));
    CHECK(tools_overlap(set_of(1, 10), set_of(4, 13)));
    CHECK_FALSE(tools_overlap(set_of(1, 10), set_of(5, 14)));
    CHECK(tools_overlap(set_of(1, 1), set_of(1, 1)));
}

TEST_CASE("learning: turns without tools resemble nothing, not even each other") {
    CHECK_FALSE(tools_overlap({}, {}));
    CHECK_FALSE(tools_overlap({}, set_of(1, 1)));
}

TEST_CASE("learning: how often a tool was used does not count") {
    const auto often = tool_set(R"([{"tool":"a"},{"tool":"a"},{"tool":"a"},{"tool":"b"}])");
    CHECK(often == ToolSet{"a", "b"});
    CHECK(tools_overlap(often, tool_set(R"([{"tool":"b"},{"tool":"a"}])")));
}

TEST_CASE("learning: tools of any form are read without trust") {
    CHECK(tool_set("").empty());
    CHECK(tool_set("{}").empty());
    CHECK(tool_set(R"([1, {"tool": 7}, {"name": "a"}, {"tool": "b"}])") == ToolSet{"b"});
}

TEST_CASE("learning: a cluster keeps its name while it grows") {
    const std::vector<ClusterMember> young{{"b", 20}, {"a", 30}, {"c", 20}};
    auto grown = young;
    grown.insert(grown.begin(), {"0", 40});
    CHECK(cluster_key(young) == "trajectory:b");
    CHECK(cluster_key(grown) == cluster_key(young));
    CHECK(cluster_key(std::vector<ClusterMember>{{"a", 30}, {"c", 20}, {"b", 20}}) == cluster_key(young));
    CHECK(cluster_key({}).empty());
}
