#pragma once
/// @file  Several lanes behind one front: a handler's database sections go to the one that has least to do.
/// Thread-safe.

#include <memory>
#include <vector>

#include "pg/lane.hpp"
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

    [[nodiscard]] Lane& least_busy() noexcept;
    /// For the watch over calls that overstay.
    [[nodiscard]] const std::vector<std::unique_ptr<Lane>>& lanes() const noexcept { return lanes_; }

private:
    std::vector<std::unique_ptr<Lane>> lanes_;
};

}  // namespace oiab::pg
