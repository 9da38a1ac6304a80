#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <nlohmann/json.hpp>
#include <string_view>

#include "daemon/commands.hpp"
#include "daemon/database.hpp"
#include "daemon/exit_code.hpp"
#include "daemon/job_lines.hpp"
#include "daemon/output.hpp"
#include "oiab/client.hpp"
#include "pg/transaction.hpp"
#include "queue/enqueue.hpp"

namespace oiab::daemon {
namespace {

/// A file that is closed at the end, or stdin.
class Input {
public:
    explicit Input(const std::string& file)
        : descriptor_{is_stdin(file) ? STDIN_FILENO : ::open(file.c_str(), O_RDONLY | O_CLOEXEC)} {
        if (descriptor_ < 0) throw UnreadableInput{fmt::format("cannot open the file: {}", std::strerror(errno))};
    }
    Input(const Input&) = delete;
    Input& operator=(const Input&) = delete;
    ~Input() {
        if (descriptor_ != STDIN_FILENO) ::close(descriptor_);
    }

    [[nodiscard]] int descriptor() const noexcept { return descriptor_; }

private:
    static bool is_stdin(const std::string& file) { return file.empty() || file == "-"; }
    int descriptor_;
};

/// Leaves the transaction without committing it.
struct BadLine {
    std::string sentence;
};

/// What was committed, for the answer and for the sentence about a failure.
struct Progress {
    client::BatchCounts counts;
    std::uint64_t lines = 0;

    [[nodiscard]] std::string told() const {
        if (lines == 0) return "nothing was enqueued";
        return fmt::format("lines 1 to {} are done ({} enqueued, {} already pending)", lines, counts.enqueued,
                           counts.already_pending);
    }
};

/// One transaction's worth. @returns whether there may be more.
bool enqueue_chunk(pg::Session& session, JobLines& lines, std::optional<std::uint64_t> chunk, Progress& progress) {
    const auto first = lines.number();
    client::BatchCounts counts;
    try {
        counts = pg::in_transaction(session, [&](pg::Transaction& tx) {
            client::Batch batch{tx.raw()};
            std::string_view line;
            while ((!chunk || lines.number() - first < *chunk) && lines.next(line)) {
                auto job = job_of_line(line);
                if (!job) throw BadLine{fmt::format("line {}: {}", lines.number(), job.error())};
                batch.add(queue::public_form(std::move(*job)));
            }
            return batch.finish();
        });
    } catch (const client::Refused& refused) {
        const auto where =
            refused.first_job() == refused.last_job()
                ? fmt::format("line {}", first + refused.first_job())
                : fmt::format("one of the lines {} to {}", first + refused.first_job(), first + refused.last_job());
        throw BadLine{
            fmt::format("{}: the database says: {} (SQLSTATE {})", where, refused.what(), refused.sqlstate())};
    }
    progress.counts.enqueued += counts.enqueued;
    progress.counts.already_pending += counts.already_pending;
    progress.lines = lines.number();
    return chunk && lines.number() - first == *chunk;
}

}  // namespace

int run(const Context& context, const EnqueueBatchCommand& command) {
    Progress progress;
    try {
        const Input input{command.file};
        JobLines lines{input.descriptor()};
        pg::Session session{session_settings(context.settings, "enqueue")};
        while (enqueue_chunk(session, lines, command.chunk, progress)) {
        }
    } catch (const BadLine& bad) {
        complain(fmt::format("{}; {}", bad.sentence, progress.told()));
        return kExitUsage;
    } catch (const UnreadableInput& unreadable) {
        complain(fmt::format("{}; {}", unreadable.what(), progress.told()));
        return kExitUsage;
    } catch (const pg::DatabaseError& error) {
        if (progress.lines == 0) throw;
        complain(fmt::format("{}; {}", sentence_about(error, context.settings), progress.told()));
        return kExitError;
    }
    if (context.form == Form::kJson)
        print_json({{"enqueued", progress.counts.enqueued}, {"already_pending", progress.counts.already_pending}});
    else
        print(fmt::format("{} enqueued, {} already pending\n", progress.counts.enqueued,
                          progress.counts.already_pending));
    return kExitDone;
}

}  // namespace oiab::daemon
