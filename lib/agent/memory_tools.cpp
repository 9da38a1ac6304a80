#include "agent/memory_tools.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "agent/recall.hpp"
#include "agent/tool_arguments.hpp"

namespace oiab::agent {
namespace {

namespace asio = boost::asio;
using nlohmann::json;

/// A memory is a sentence or two; a document belongs elsewhere. Well below what embedding models take.
constexpr std::size_t kMaxMemoryBytes = 8'000;

}  // namespace

clients::ToolDefinition MemoryAdd::definition() const {
    return {kName, "Remembers something about the user or their work for later conversations.",
            R"({"type":"object","properties":{)"
            R"("content":{"type":"string","description":"What to remember, as one self-contained sentence."},)"
            R"("kind":{"type":"string","enum":["fact","preference","event","skill-note"]},)"
            R"("visibility":{"type":"string","enum":["private","team","org"]}},)"
            R"("required":["content"],"additionalProperties":false})"};
}

bool MemoryAdd::is_useful_to(const Person& person) const { return person.permissions.write_memory; }

asio::awaitable<std::string> MemoryAdd::call(const ToolScene& scene, json arguments, std::string idempotency_key) {
    store::NewMemory memory;
    memory.user_id = scene.person.user_id;
    memory.tenant_id = scene.person.tenant_id;
    memory.content = required_text(arguments, "content");
    memory.kind = one_of(arguments, "kind", {"fact", "preference", "event", "skill-note"});
    memory.visibility = one_of(arguments, "visibility", {"private", "team", "org"});
    memory.source_session_id = scene.session_id;
    memory.idempotency_key = idempotency_key;
    if (memory.content.size() > kMaxMemoryBytes) throw ToolRefusal{"\"content\" is too long for a memory"};
    if (memory.visibility != "private" && !scene.person.permissions.share_memory) {
        throw ToolRefusal{"no role of the user allows sharing memories; only \"private\" is possible"};
    }
    auto add = [&](pg::Transaction& tx) {
        scene.attempt.guard_in(tx);
        const auto id = store::insert_memory(tx, memory);
        audit_tool(tx, scene, kName, arguments, idempotency_key);
        return id;
    };
    const auto id = co_await scene.attempt.transact(add);
    co_return json{{"memoryId", id.to_string()}, {"status", "remembered"}}.dump();
}

clients::ToolDefinition MemorySearch::definition() const {
    return {kName, "Searches what is remembered about the user and their organisation.",
            R"({"type":"object","properties":{"query":{"type":"string"}},"required":["query"],)"
            R"("additionalProperties":false})"};
}

bool MemorySearch::is_useful_to(const Person& person) const {
    const auto reader = person.reader();
    return reader.own || reader.team || reader.org;
}

asio::awaitable<std::string> MemorySearch::call(const ToolScene& scene, json arguments, std::string idempotency_key) {
    std::string query = required_text(arguments, "query");
    std::string request_id = idempotency_key + ":embedding";
    const auto found = co_await recall(scene.attempt, scene.world, scene.person, scene.session_id, std::move(query),
                                       std::move(request_id), RecallFallback::kText);
    auto audit = [&](pg::Transaction& tx) {
        scene.attempt.guard_in(tx);
        audit_tool(tx, scene, kName, arguments, idempotency_key);
    };
    co_await scene.attempt.transact(audit);
    json list = json::array();
    for (const auto& memory : found) list.push_back({{"kind", memory.kind}, {"content", memory.content}});
    co_return json{{"memories", std::move(list)}}.dump();
}

}  // namespace oiab::agent
