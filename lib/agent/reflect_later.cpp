#include "agent/reflect_later.hpp"

#include <nlohmann/json.hpp>

namespace oiab::agent {

void enqueue_reflection(pg::Transaction& tx, Attempt& attempt, const AgentWorld& world, const Person& person,
                        const std::string& session_id, const ChatResult& result) {
    if (!world.settings.learning || result.uses.empty()) return;
    const std::string turn = attempt.job().id.to_string();
    core::NewJob job;
    job.kind = "learning-reflect";
    job.payload = nlohmann::json{{"sessionId", session_id}, {"jobId", turn}}.dump();
    job.dedupe_key = "learning-reflect:" + turn;
    job.priority = kLearningPriority;
    job.tenant_id = person.tenant_id;
    job.user_id = person.user_id;
    attempt.enqueue_in(tx, job);
}

}  // namespace oiab::agent
