#include "oiab/registry.hpp"

#include <catch2/catch_test_macros.hpp>

namespace {

struct Nothing final : oiab::Handler {
    boost::asio::awaitable<oiab::core::Outcome> run(oiab::Attempt&) override { co_return oiab::core::completed(); }
};

}  // namespace

TEST_CASE("registry: an exact name wins over a pattern, and the longest pattern over shorter ones") {
    oiab::Registry registry;
    const auto exact = std::make_shared<Nothing>();
    const auto shorter = std::make_shared<Nothing>();
    const auto longer = std::make_shared<Nothing>();
    registry.add("report-daily", exact);
    registry.add("report-*", longer);
    registry.add("re*", shorter);

    CHECK(registry.find("report-daily")->handler == exact);
    CHECK(registry.find("report-weekly")->handler == longer);
    CHECK(registry.find("refund")->handler == shorter);
    CHECK(registry.find("embed") == nullptr);
    CHECK(registry.has_patterns());
    CHECK(registry.exact_kinds() == std::vector<std::string>{"report-daily"});
}

TEST_CASE("registry: a later registration replaces an earlier one of the same pattern") {
    oiab::Registry registry;
    const auto builtin = std::make_shared<Nothing>();
    const auto configured = std::make_shared<Nothing>();
    registry.add("agent-turn", builtin);
    registry.add("agent-turn", configured);
    CHECK(registry.find("agent-turn")->handler == configured);
    CHECK(registry.patterns() == std::vector<std::string>{"agent-turn"});
}
