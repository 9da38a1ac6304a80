#include "agent/beside_stream.hpp"

#include <stdexcept>
#include <utility>

namespace oiab::agent {

boost::asio::awaitable<std::exception_ptr> failure_of(boost::asio::awaitable<void> work) {
    std::exception_ptr failure;
    try {
        co_await std::move(work);
    } catch (...) {  // whatever it is: it is thrown on by who started this
        failure = std::current_exception();
    }
    co_return failure;
}

boost::asio::awaitable<void> write_until_cancelled(AnswerStream& stream) {
    bool lost = false;
    try {
        co_await stream.write_while_open();
    } catch (const LeaseLost&) {
        lost = true;
    }
    if (!lost) throw std::runtime_error{"the answer is not streamed further"};
}

}  // namespace oiab::agent
