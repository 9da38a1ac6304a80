#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <nlohmann/json.hpp>
#include <optional>
#include <thread>

#include "daemon/commands.hpp"
#include "daemon/database.hpp"
#include "daemon/exit_code.hpp"
#include "daemon/job_text.hpp"
#include "daemon/json_check.hpp"
#include "daemon/output.hpp"
#include "pg/transaction.hpp"
#include "queue/enqueue.hpp"
#include "queue/inspect.hpp"

namespace oiab::daemon {
namespace {

/// What PostgreSQL can take in one message, with room for the rest of the statement.
constexpr std::size_t kLargestPayload = 256U << 20;

/// nullopt where it cannot be read or is too large; the complaint has been made.
std::optional<std::string> read_stdin() {
    std::string text;
    std::vector<char> buffer(1 << 16);
    while (true) {
        const auto count = ::read(STDIN_FILENO, buffer.data(), buffer.size());
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) {
            complain("cannot read the payload from stdin");
            return std::nullopt;
        }
        if (count == 0) return text;
        text.append(buffer.data(), static_cast<std::size_t>(count));
        if (text.size() > kLargestPayload) {
            complain("the payload is larger than 256 MiB, which is more than the database takes");
            return std::nullopt;
        }
    }
}

void print_enqueued(Form form, const core::NewJob& job, const core::Enqueued& answer) {
    if (form == Form::kJson) {
        print_json({{"id", answer.id.to_string()}, {"inserted", answer.inserted}});
        return;
    }
    print(answer.id.to_string() + "\n");
    if (!answer.inserted)
        complain(fmt::format("a pending job has the dedupe key \"{}\" already; nothing was enqueued, its id is above",
                             job.dedupe_key.value_or("")));
}

/// Asks for the job until it is final. The pauses grow to half a second, so that long jobs cost little.
int follow(const Context& context, pg::Session& session, core::JobId id,
           std::optional<std::chrono::milliseconds> timeout) {
    using namespace std::chrono_literals;
    const auto until = timeout ? core::Deadline::after(*timeout) : core::Deadline::never();
    for (auto pause = 5ms;; pause = std::min(pause * 2, std::chrono::milliseconds{500})) {
        const auto job = pg::in_transaction(session, [id](pg::Transaction& tx) { return queue::load_job(tx, id); });
        if (!job) {
            complain("the job is gone: it was deleted, or completed where delete_on_complete is set");
            return kExitNothing;
        }
        if (core::is_final(job->status)) {
            if (context.form == Form::kJson) print_json(to_json(*job));
            else print(outcome_text(*job));
            return job->status == core::Status::kCompleted ? kExitDone : kExitFailed;
        }
        if (until.reached()) {
            complain(fmt::format("the job has not finished in time, its status is {}; `oiabd jobs why {}` tells more",
                                 core::to_string(job->status), id.to_string()));
            return kExitPending;
        }
        std::this_thread::sleep_for(std::min(pause, std::max(until.left(), 1ms)));
    }
}

}  // namespace

int run(const Context& context, const EnqueueCommand& command) {
    auto job = command.job;
    if (command.payload_from_stdin) {
        auto text = read_stdin();
        if (!text) return kExitUsage;
        job.payload = std::move(*text);
    }
    if (const auto mistake = find_json_mistake(job.payload)) {
        complain(fmt::format("the payload is not JSON: {}", *mistake));
        return kExitUsage;
    }
    pg::Session session{session_settings(context.settings, "enqueue")};
    std::optional<core::Enqueued> answer;
    try {
        answer = pg::in_transaction(session, [&job](pg::Transaction& tx) { return queue::enqueue(tx, job); });
    } catch (const pg::DatabaseError& error) {
        if (!error.is_bad_data()) throw;
        complain(sentence_about(error, context.settings));
        return kExitUsage;
    }
    // With --wait the JSON answer is the job itself, one object as everywhere.
    if (!command.wait || context.form == Form::kTable) print_enqueued(context.form, job, *answer);
    if (!command.wait) return kExitDone;
    std::fflush(stdout);
    return follow(context, session, answer->id, command.wait_timeout);
}

}  // namespace oiab::daemon
