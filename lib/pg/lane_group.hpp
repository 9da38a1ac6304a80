#pragma once
/// @file  Several lanes behind one front: a handler's database sections go to the one that has least to do.
/// Thread-safe.

#include <memory>
#include <vector>

#include "pg/lane.hpp"
#include "pg/shared_transactions.hpp"
#include "pg/transaction.hpp"

namespace oiab::pg {

class LaneGroup {
public:
    /// @param lanes  at least one; each connects when its first work arrives
    LaneGroup(std::string_view name, std::size_t lanes, const SessionSettings& settings);

    /// Runs `body(Transaction&)` in one transaction on some lane. Resumes the caller on its own executor.
    /// @throws DatabaseError in the caller, as pg::in_transaction does; nothing is tried again.
    template <typename Body>
    boost::asio::awaitable<std::invoke_result_t<Body, Transaction&>> transact(Body body) {
        // Named, not passed as a temporary: GCC 12.2 destroys the captures of a closure within a co_await expression
        // twice.
        auto work = [body = std::move(body)](Session& session) mutable {
            if constexpr (std::is_void_v<std::invoke_result_t<Body, Transaction&>>) {
                in_transaction(session, std::function<void(Transaction&)>{std::ref(body)});
            } else {
                return in_transaction(session, body);
            }
        };
        co_return co_await least_busy().run(std::move(work));
    }

    /// The same in a transaction that others may share, which costs less where many are at work. Where it does not come
    /// through, `body` runs again in one of its own: it has to bear that, and it should wait for no locks that others
    /// hold for long.
    template <typename Body>
    boost::asio::awaitable<std::invoke_result_t<Body, Transaction&>> transact_together(
        Body body, Stage stage = Stage::kBeginning, Announcements announcements = {});

    [[nodiscard]] Lane& least_busy() noexcept;
    /// For the watch over calls that overstay.
    [[nodiscard]] const std::vector<std::unique_ptr<Lane>>& lanes() const noexcept { return lanes_; }

private:
    void share(SharedTransactions::Part part);

    SharedTransactions shared_;  // before the lanes, which serve it until they end
    std::vector<std::unique_ptr<Lane>> lanes_;
};

template <typename Body>
boost::asio::awaitable<std::invoke_result_t<Body, Transaction&>> LaneGroup::transact_together(
    Body body, Stage stage, Announcements announcements) {
    namespace asio = boost::asio;
    using Result = std::invoke_result_t<Body, Transaction&>;
    using Slot = std::conditional_t<std::is_void_v<Result>, std::monostate, std::optional<Result>>;
    Slot slot{};
    // As in Lane::run: the lane's thread runs no coroutine, and slot and body live in this frame.
    auto initiate = [this, &slot, &body, &announcements, stage](auto handler) {
        auto executor = asio::get_associated_executor(handler);
        auto work = asio::prefer(executor, asio::execution::outstanding_work.tracked);
        SharedTransactions::Part part;
        part.stage = stage;
        part.announcements = std::move(announcements);
        part.body = [&slot, &body](Transaction& tx) {
            if constexpr (std::is_void_v<Result>) {
                static_cast<void>(slot);
                body(tx);
            } else {
                slot.emplace(body(tx));
            }
        };
        part.done = [handler = std::move(handler), work = std::move(work)](std::exception_ptr error) mutable {
            asio::post(work, [handler = std::move(handler), error]() mutable { std::move(handler)(error); });
        };
        share(std::move(part));
    };
    co_await asio::async_initiate<decltype(asio::use_awaitable), void(std::exception_ptr)>(std::move(initiate),
                                                                                           asio::use_awaitable);
    if constexpr (!std::is_void_v<Result>) co_return std::move(*slot);
}

}  // namespace oiab::pg
