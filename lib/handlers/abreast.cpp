#include "handlers/abreast.hpp"

#include <boost/asio/experimental/awaitable_operators.hpp>
#include <utility>

namespace oiab::handlers {

namespace asio = boost::asio;

asio::awaitable<void> Abreast::run(Next next) {
    next_ = std::move(next);
    co_await side_by_side(lanes_);
    if (failure_) std::rethrow_exception(failure_);
}

asio::awaitable<void> Abreast::side_by_side(std::size_t lanes) {
    using namespace boost::asio::experimental::awaitable_operators;
    if (lanes <= 1) co_await lane();
    else co_await (lane() && side_by_side(lanes - 1));
}

/// Nothing is thrown: of several exceptions the operator that joins the lanes would make one that nobody knows, and it
/// would cut the others short at the first.
asio::awaitable<void> Abreast::lane() {
    try {
        // Not in the loop's condition: GCC 12.2 loses the frame of a co_await behind a short circuit.
        for (bool more = true; more;) {
            if (failure_) break;
            more = co_await next_();
        }
    } catch (...) {  // whatever it is, it ends the whole, from where all lanes have come together
        if (!failure_) failure_ = std::current_exception();
    }
}

}  // namespace oiab::handlers
