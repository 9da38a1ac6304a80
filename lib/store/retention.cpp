#include "store/retention.hpp"

#include "store/audit.hpp"
#include "store/reservations.hpp"
#include "store/rows.hpp"
#include "store/sql.hpp"

namespace oiab::store {

Retained purge_expired(pg::Transaction& tx, int batch) {
    Retained gone;
    gone.audit_entries = purge_audit(tx, batch);
    gone.stream_pieces = static_cast<std::size_t>(tx.run(sql::purge_stream, pqxx::params{batch}).affected_rows());
    gone.cached_embeddings =
        static_cast<std::size_t>(tx.run(sql::purge_embedding_cache, pqxx::params{batch}).affected_rows());
    gone.lost_calls = purge_lost_reservations(tx, batch);
    return gone;
}

}  // namespace oiab::store
