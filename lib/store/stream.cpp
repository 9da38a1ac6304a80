#include "store/stream.hpp"

#include "store/rows.hpp"
#include "store/sql.hpp"

namespace oiab::store {
namespace {

/// A turn of a minute writes 240 pieces; more than a page only waits for the next one.
constexpr int kPagePieces = 500;

}  // namespace

void append_stream(pg::Transaction& tx, const std::string& session_id, core::JobId job, std::int64_t position,
                   const std::string& delta) {
    (void)tx.run(sql::append_stream, pqxx::params{session_id, job.to_string(), position, rows::without_nul(delta)});
}

void clear_stream(pg::Transaction& tx, const std::string& session_id, core::JobId job, std::int64_t position) {
    (void)tx.run(sql::clear_stream, pqxx::params{session_id, job.to_string(), position});
}

StreamPage load_stream(pg::Transaction& tx, const std::string& session_id, core::JobId job, std::int64_t position) {
    StreamPage page;
    for (const auto& row : tx.run(sql::load_stream, pqxx::params{session_id, job.to_string(), position, kPagePieces})) {
        page.pieces.push_back(
            {row["position"].as<std::int64_t>(), rows::read_text(row["delta"]), rows::read_text(row["written_at"])});
    }
    page.more = page.pieces.size() == static_cast<std::size_t>(kPagePieces);
    return page;
}

}  // namespace oiab::store
