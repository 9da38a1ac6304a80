#include <algorithm>
#include <charconv>
#include <pqxx/except>
#include <pqxx/result>
#include <pqxx/stream_to>
#include <pqxx/transaction_base>
#include <string_view>

#include "oiab/client.hpp"
#include "producer/parameters.hpp"
#include "producer/sql.hpp"

namespace oiab::client {
namespace {

/// The message alone: what follows in the lines below it quotes the data, which may be confidential.
std::string first_line(std::string_view text) {
    if (text.starts_with("Failure during '"))
        if (const auto end = text.find("': "); end != std::string_view::npos) text.remove_prefix(end + 3);
    text = text.substr(0, text.find('\n'));
    // The severity is in the server's language: "ERROR:  ", "FEHLER:  ".
    if (const auto severity = text.find(":  "); severity < text.find(' ')) text.remove_prefix(severity + 3);
    return std::string{text};
}

/// Which line of a COPY the server complains about, from "CONTEXT:  COPY oiabd_batch, line 3, column payload: …"; in
/// any language the number is the first one on a line that begins so. nullopt where it names none.
std::optional<std::uint64_t> line_of_copy(std::string_view message) {
    constexpr std::string_view kTable{"oiabd_batch"};
    for (auto at = message.find(kTable); at != std::string_view::npos; at = message.find(kTable, at + 1)) {
        const auto before = message.substr(0, at);
        const auto begin = before.rfind('\n') == std::string_view::npos ? 0 : before.rfind('\n') + 1;
        const auto rest = message.substr(at, message.find('\n', at) - at);
        const auto has_copy = message.substr(begin, at - begin).find("COPY") != std::string_view::npos;
        const auto digit = rest.find_first_of("0123456789:");
        if (!has_copy || digit == std::string_view::npos || rest[digit] == ':') continue;
        std::uint64_t line = 0;
        std::from_chars(rest.data() + digit, rest.data() + rest.size(), line);
        if (line > 0) return line;
    }
    return std::nullopt;
}

/// Trouble with the data itself: data exceptions, broken constraints, an index entry that is too long, a RAISE.
bool is_about_data(std::string_view sqlstate) {
    return sqlstate.starts_with("22") || sqlstate.starts_with("23") || sqlstate.starts_with("54") ||
           sqlstate.starts_with("P0");
}

}  // namespace

struct Batch::State {
    State(pqxx::transaction_base& transaction, std::size_t most_jobs, std::size_t most_bytes)
        : tx{transaction}, piece_jobs{std::max<std::size_t>(most_jobs, 1)}, piece_bytes{most_bytes} {}

    void copy() const;
    void send();

    pqxx::transaction_base& tx;
    const std::size_t piece_jobs;
    const std::size_t piece_bytes;
    std::vector<NewJob> piece{};
    std::size_t bytes = 0;     // of the piece
    std::uint64_t before = 0;  // jobs of earlier pieces
    BatchCounts counts{};
};

void Batch::State::copy() const {
    tx.exec(producer::sql::batch_open.text).no_rows();
    auto stream = pqxx::stream_to::table(tx, {"pg_temp", "oiabd_batch"},
                                         {"n", "kind", "payload", "dedupe_key", "run_at", "delay_ms", "max_attempts",
                                          "priority", "serial_key", "tenant_id", "user_id", "timeout_seconds"});
    std::uint64_t n = 0;
    for (const auto& job : piece)
        stream.write_values(++n, job.kind, job.payload, job.dedupe_key, producer::run_at_seconds(job),
                            producer::delay_ms(job), job.max_attempts, job.priority, job.serial_key, job.tenant_id,
                            job.user_id, producer::timeout_seconds(job));
    stream.complete();
}

void Batch::State::send() {
    if (piece.empty()) return;
    try {
        copy();
        const auto inserted =
            static_cast<std::uint64_t>(tx.exec(producer::sql::batch_insert.text).no_rows().affected_rows());
        tx.exec(producer::sql::batch_close.text).no_rows();
        counts.enqueued += inserted;
        counts.already_pending += piece.size() - inserted;
    } catch (const pqxx::sql_error& error) {
        if (!is_about_data(error.sqlstate())) throw;
        const auto line = line_of_copy(error.what());
        throw Refused{first_line(error.what()), error.sqlstate(), before + line.value_or(1),
                      before + line.value_or(piece.size())};
    }
    before += piece.size();
    piece.clear();
    bytes = 0;
}

Batch::Batch(pqxx::transaction_base& tx, std::size_t piece_jobs, std::size_t piece_bytes)
    : state_{std::make_unique<State>(tx, piece_jobs, piece_bytes)} {}

Batch::~Batch() = default;

void Batch::add(NewJob job) {
    state_->bytes += sizeof job + job.payload.size() + (job.dedupe_key ? job.dedupe_key->size() : 0);
    state_->piece.push_back(std::move(job));
    if (state_->piece.size() >= state_->piece_jobs || state_->bytes >= state_->piece_bytes) state_->send();
}

BatchCounts Batch::finish() {
    state_->send();
    return state_->counts;
}

BatchCounts enqueue_all(pqxx::transaction_base& tx, const std::vector<NewJob>& jobs) {
    Batch batch{tx};
    for (const auto& job : jobs) batch.add(job);
    return batch.finish();
}

}  // namespace oiab::client
