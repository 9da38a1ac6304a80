#pragma once
/// @file  A tool whose effect somebody else counts: one POST each. For the crash worker; shared by all turns.

#include "agent/tool.hpp"
#include "clients/http_client.hpp"

namespace oiab::tests {

class CountingTool final : public agent::Tool {
public:
    /// @param repeat  kSafe: "count_keyed", whose server recognises the key; kUnsafe: "count_blind", whose server does
    /// not
    CountingTool(clients::HttpClient& http, std::string url, clients::Repeat repeat)
        : http_{http}, url_{std::move(url)}, repeat_{repeat} {}

    [[nodiscard]] clients::ToolDefinition definition() const override;
    [[nodiscard]] bool is_useful_to(const agent::Person&) const override { return true; }
    [[nodiscard]] clients::Repeat repeat() const override { return repeat_; }
    [[nodiscard]] boost::asio::awaitable<std::string> call(const agent::ToolScene& scene, nlohmann::json arguments,
                                                           std::string idempotency_key) override;

private:
    clients::HttpClient& http_;
    std::string url_;
    clients::Repeat repeat_;
};

}  // namespace oiab::tests
