#include "handlers/provider_refresh.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "agent/provider_check.hpp"
#include "agent/provider_clients.hpp"
#include "handlers/abreast.hpp"
#include "handlers/payload.hpp"
#include "store/audit.hpp"

namespace oiab::handlers {
namespace {

namespace asio = boost::asio;
using nlohmann::json;
using store::ProviderRecord;

/// A provider that takes longer to list its models is no use for a conversation either.
constexpr std::chrono::seconds kPatience{30};
constexpr std::size_t kAtOnce = 4;

/// One attempt's round over the rows, oldest check first, four at a time.
class Round {
public:
    Round(Attempt& attempt, const agent::ProviderClients& clients, std::vector<ProviderRecord> records)
        : attempt_{attempt}, clients_{clients}, records_{std::move(records)} {}

    asio::awaitable<void> run() {
        Abreast::Next next = [this] { return check_next(); };
        co_await abreast_.run(std::move(next));
    }

    [[nodiscard]] json describe() const {
        const int done = works_ + dead_ + unclear_;
        return {{"works", works_},
                {"dead", dead_},
                {"unclear", unclear_},
                {"unchecked", static_cast<int>(records_.size()) - done}};
    }

private:
    /// @returns false where nothing is left, or the time is short
    asio::awaitable<bool> check_next() {
        if (next_ >= records_.size()) co_return false;
        // What is left begins the next round, since it is the oldest then. A round checks something in any case.
        const bool late = attempt_.deadline().reached(std::chrono::steady_clock::now() + kPatience + kPatience);
        if (late && next_ >= kAtOnce) co_return false;
        co_await check(records_[next_++]);
        co_return true;
    }

    asio::awaitable<void> check(const ProviderRecord& record) {
        const auto found =
            co_await clients_.check(record.row, attempt_.deadline().or_earlier(core::Deadline::after(kPatience)));
        auto keep = [&](pg::Transaction& tx) { write_down(tx, record, found); };
        co_await attempt_.transact(keep);
        auto& count = found.verdict == agent::CheckVerdict::kWorks  ? works_
                      : found.verdict == agent::CheckVerdict::kDead ? dead_
                                                                    : unclear_;
        ++count;
        attempt_.heartbeat();
    }

    void write_down(pg::Transaction& tx, const ProviderRecord& record, const agent::RowCheck& found) {
        attempt_.guard_in(tx);
        if (agent::record_check(tx, record, found) != store::CheckRecorded::kNews) return;
        if (found.verdict != agent::CheckVerdict::kDead) return;
        store::AuditEntry entry;
        entry.entry_key = attempt_.job().id.to_string() + ":dead:" + record.row.id;
        entry.tenant_id = record.scope.tenant_id;
        entry.user_id = record.scope.user_id;
        entry.actor = "system";
        entry.action = "admin.provider_dead";
        entry.target = "provider:" + record.row.id;
        entry.payload = json{{"provider", record.row.provider}, {"kind", record.row.kind}, {"error", found.error}}.dump(
            -1, ' ', false, json::error_handler_t::replace);
        store::append_audit(tx, {&entry, 1});
    }

    Attempt& attempt_;
    const agent::ProviderClients& clients_;
    const std::vector<ProviderRecord> records_;
    Abreast abreast_{kAtOnce};
    std::size_t next_ = 0;
    int works_ = 0;
    int dead_ = 0;
    int unclear_ = 0;
};

}  // namespace

ProviderRefresh::ProviderRefresh(std::shared_ptr<const agent::AgentWorld> world) : world_{std::move(world)} {}

asio::awaitable<core::Outcome> ProviderRefresh::run(Attempt& attempt) {
    const Payload payload{attempt.job().payload};
    const auto only = payload.optional_uuid("providerId");
    if (!world_->providers)
        co_return core::failed(core::FailureReason::kError, "this worker calls no providers (runtime)");

    auto load = [&](pg::Transaction& tx) {
        return store::list_providers(tx, {.scope = {}, .row = only, .only_enabled = !only});
    };
    auto records = co_await attempt.transact(load);
    if (only && records.empty())
        co_return core::failed(core::FailureReason::kError, "there is no provider " + only->to_string());
    std::ranges::stable_sort(records, {}, &ProviderRecord::checked_at);

    Round round{attempt, *world_->providers, std::move(records)};
    co_await round.run();
    std::function<std::string(pg::Transaction&)> finish = [&](pg::Transaction&) { return round.describe().dump(); };
    co_return co_await attempt.complete_in(std::move(finish));
}

}  // namespace oiab::handlers
