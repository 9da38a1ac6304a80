#include "handlers/embed_memories.hpp"

#include <utility>

#include "handlers/memory_backfill.hpp"
#include "handlers/payload.hpp"

namespace oiab::handlers {
namespace {

namespace asio = boost::asio;

BackfillRequest read_request(const core::Job& job) {
    const Payload payload{job.payload};
    BackfillRequest request;
    if (const auto tenant = payload.optional_uuid("tenantId")) request.scope.tenant_id = core::TenantId{*tenant};
    if (const auto user = payload.optional_uuid("userId")) request.scope.user_id = core::UserId{*user};
    // Whoever pays decides about whose memories: a tenant's job is about that tenant's alone, whatever it names.
    if (job.tenant_id) {
        if (request.scope.tenant_id && request.scope.tenant_id != job.tenant_id)
            Payload::refuse("tenantId", "is not the job's own tenant");
        request.scope.tenant_id = job.tenant_id;
    } else if (!request.scope.tenant_id && !request.scope.user_id) {
        request.scope.user_id = job.user_id;
    }
    request.limit = payload.optional_integer("limit", request.limit, 1, 1'000'000);
    request.batch_size = payload.optional_integer("batchSize", request.batch_size, 1, 2048);
    request.time = std::chrono::seconds{payload.optional_integer("seconds", request.time.count(), 0, 86'400)};
    return request;
}

}  // namespace

EmbedMemories::EmbedMemories(std::shared_ptr<const agent::AgentWorld> world) : world_{std::move(world)} {}

asio::awaitable<core::Outcome> EmbedMemories::run(Attempt& attempt) {
    BackfillRequest request = read_request(attempt.job());
    if (!world_->embedder) {
        co_return core::failed(core::FailureReason::kError, "no embedding model is configured (embedding_model)");
    }
    MemoryBackfill backfill{attempt, *world_, std::move(request)};
    co_return co_await backfill.run();
}

}  // namespace oiab::handlers
