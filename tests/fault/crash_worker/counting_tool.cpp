#include "counting_tool.hpp"

#include <nlohmann/json.hpp>

namespace oiab::tests {

clients::ToolDefinition CountingTool::definition() const {
    return {repeat_ == clients::Repeat::kSafe ? "count_keyed" : "count_blind", "Counts.",
            R"({"type":"object","properties":{"effect":{"type":"string"}},"required":["effect"]})"};
}

boost::asio::awaitable<std::string> CountingTool::call(const agent::ToolScene& scene, nlohmann::json arguments,
                                                       std::string idempotency_key) {
    clients::HttpRequest request;
    request.method = "POST";
    request.url = url_ + (repeat_ == clients::Repeat::kSafe ? "/keyed" : "/blind");
    request.headers = {{"Content-Type", "application/json"}, {"Idempotency-Key", idempotency_key}};
    request.body = arguments.dump();
    request.deadline = scene.attempt.deadline();
    request.idempotent = repeat_ == clients::Repeat::kSafe;
    auto response = co_await http_.send(std::move(request));
    if (!response) {
        if (response.error().repeat == clients::Repeat::kUnsafe) throw EffectUnknown{response.error().message};
        throw std::runtime_error{response.error().message};
    }
    if (response->status() != 200) throw std::runtime_error{"the tool answered " + std::to_string(response->status())};
    co_return std::move(response->body);
}

}  // namespace oiab::tests
