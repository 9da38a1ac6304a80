#include "agent/provider_call.hpp"

#include <algorithm>

#include "agent/provider_clients.hpp"
#include "store/providers.hpp"

namespace oiab::agent {

namespace asio = boost::asio;

asio::awaitable<std::shared_ptr<clients::ChatModel>> chat_for(Attempt& attempt, const AgentWorld& world,
                                                              const Person& person, const ModelChoice& choice) {
    if (!choice.row || !world.providers) co_return world.chat;
    auto row = choice.row;
    const auto fault = world.providers->find_fault(*row);
    if (fault && fault->may_pass) {
        auto load = [&](pg::Transaction& tx) { return store::load_providers(tx, person.user_id, person.tenant_id); };
        auto rows = co_await attempt.transact(load);
        const auto same = std::ranges::find(rows, row->id, &store::ProviderRow::id);
        if (same != rows.end()) row = std::make_shared<const store::ProviderRow>(std::move(*same));
    }
    co_return world.providers->chat(std::move(row));
}

}  // namespace oiab::agent
