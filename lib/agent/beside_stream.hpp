#pragma once
/// @file  Work that runs while its answer is streamed. Coroutines that run beside each other wait for the first one
/// that succeeds, so that the work must not throw and the stream must not return. For model calls and opencode's turns;
/// on the attempt's executor.

#include <boost/asio/awaitable.hpp>
#include <exception>

#include "agent/answer_stream.hpp"

namespace oiab::agent {

/// Never throws: one that did would have the others waited for, which end by being cancelled only.
/// @returns what the work threw; nullptr where it came to its end
[[nodiscard]] boost::asio::awaitable<std::exception_ptr> failure_of(boost::asio::awaitable<void> work);

/// Only a lost lease makes it return: then the work is worth nothing any more. It fails otherwise, so that the work
/// itself is waited for.
/// @param stream  outlives the coroutine
[[nodiscard]] boost::asio::awaitable<void> write_until_cancelled(AnswerStream& stream);

}  // namespace oiab::agent
