#pragma once
/// @file  A provider on loopback that bills each request that it works on, whether or not anybody is left to take the
/// answer, and a server of tools that counts effects. Thread-safe.

#include <map>
#include <mutex>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "support/http_server.hpp"

namespace oiab::tests {

struct Bill {
    std::int64_t input = 0;
    std::int64_t output = 0;  ///< different for every bill, so that it identifies the answer
};

class BillingModel {
public:
    [[nodiscard]] std::string url() const { return server_.url("/v1"); }
    /// By Idempotency-Key, in order.
    [[nodiscard]] std::map<std::string, std::vector<Bill>> bills() const {
        const std::scoped_lock lock{mutex_};
        return bills_;
    }
    [[nodiscard]] std::vector<std::string> failures() const { return server_.failures(); }

private:
    static std::string event(const nlohmann::json& data) { return "data: " + data.dump() + "\n\n"; }
    static nlohmann::json delta(const nlohmann::json& content) {
        return {{"model", "billed-1"}, {"choices", {{{"index", 0}, {"delta", content}}}}};
    }

    void answer(ServedConnection& connection, const ServedRequest& request) {
        const auto body = nlohmann::json::parse(request.body);
        std::string script;
        std::size_t round = 0;
        for (const auto& message : body.at("messages")) {
            if (message.at("role") == "user") {
                script = message.at("content").get<std::string>();
                round = 0;
            }
            if (message.at("role") == "assistant") ++round;
        }
        const auto colon = script.find(':');
        const std::string run = script.substr(0, colon);
        std::vector<std::string> rounds;
        std::istringstream rest{script.substr(colon + 1)};
        for (std::string part; std::getline(rest, part, ';');)
            rounds.push_back(part.substr(part.find_first_not_of(' ')));

        Bill bill;
        {
            const std::scoped_lock lock{mutex_};
            bill = {static_cast<std::int64_t>(request.body.size() / 4), 1000 + ++serial_};
            bills_[request.header("idempotency-key")].push_back(bill);
        }
        connection.begin_chunked(200, {{"Content-Type", "text/event-stream"}});
        connection.chunk(event(delta({{"role", "assistant"}, {"content", ""}})));
        if (round < rounds.size()) {
            connection.chunk(event(delta({{"content", "Round " + std::to_string(round + 1)}})));
            connection.chunk(event(delta({{"content", ". "}})));
            std::istringstream calls{rounds[round]};
            std::size_t index = 0;
            for (std::string tool; std::getline(calls, tool, ','); ++index) {
                const std::string place = std::to_string(round + 1) + "-" + std::to_string(index);
                nlohmann::json arguments{{"effect", run + "/" + place}};
                if (tool == "memory") arguments = {{"content", "remember " + run + "/" + place}};
                connection.chunk(event(delta({{"tool_calls",
                                               {{{"index", index},
                                                 {"id", "call-" + place},
                                                 {"type", "function"},
                                                 {"function",
                                                  {{"name", tool == "memory" ? "memory_add" : "count_" + tool},
                                                   {"arguments", arguments.dump()}}}}}}})));
            }
        } else {
            for (const char* piece : {"All ", "of ", "it ", "is done: "})
                connection.chunk(event(delta({{"content", piece}})));
            connection.chunk(event(delta({{"content", run}})));
        }
        connection.chunk(event({{"choices",
                                 {{{"index", 0},
                                   {"delta", nlohmann::json::object()},
                                   {"finish_reason", round < rounds.size() ? "tool_calls" : "stop"}}}}}));
        connection.chunk(event({{"choices", nlohmann::json::array()},
                                {"usage", {{"prompt_tokens", bill.input}, {"completion_tokens", bill.output}}}}));
        connection.chunk("data: [DONE]\n\n");
        connection.end_chunks();
    }

    mutable std::mutex mutex_;
    std::map<std::string, std::vector<Bill>> bills_;
    std::int64_t serial_ = 0;
    HttpServer server_{
        [this](ServedConnection& connection, const ServedRequest& request) { answer(connection, request); }};
};

/// POST /keyed counts an effect once for each Idempotency-Key; POST /blind counts every call.
class CountingServer {
public:
    [[nodiscard]] std::string url() const { return server_.url(); }
    [[nodiscard]] int count(const std::string& effect) const {
        const std::scoped_lock lock{mutex_};
        const auto found = counts_.find(effect);
        return found == counts_.end() ? 0 : found->second;
    }
    [[nodiscard]] std::vector<std::string> failures() const { return server_.failures(); }

private:
    void answer(ServedConnection& connection, const ServedRequest& request) {
        const auto effect = nlohmann::json::parse(request.body).at("effect").get<std::string>();
        {
            const std::scoped_lock lock{mutex_};
            if (request.target != "/keyed" || keys_.insert(request.header("idempotency-key")).second) ++counts_[effect];
        }
        connection.respond_json(200, nlohmann::json{{"counted", effect}}.dump());
    }

    mutable std::mutex mutex_;
    std::map<std::string, int> counts_;
    std::set<std::string> keys_;
    HttpServer server_{
        [this](ServedConnection& connection, const ServedRequest& request) { answer(connection, request); }};
};

}  // namespace oiab::tests
