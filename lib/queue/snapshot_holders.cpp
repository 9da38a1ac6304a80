#include "queue/snapshot_holders.hpp"

#include <pqxx/result>

#include "queue/rows.hpp"
#include "queue/sql.hpp"

namespace oiab::queue {
namespace {

SnapshotHolderKind kind_of(std::string_view word) {
    using enum SnapshotHolderKind;
    for (const auto kind : {kPreparedTransaction, kReplicationSlot, kStandby})
        if (word == word_of(kind)) return kind;
    return kSession;
}

}  // namespace

std::string_view to_string(SnapshotHolderKind kind) noexcept {
    switch (kind) {
        case SnapshotHolderKind::kPreparedTransaction: return "prepared transaction";
        case SnapshotHolderKind::kReplicationSlot: return "replication slot";
        case SnapshotHolderKind::kStandby: return "standby";
        case SnapshotHolderKind::kSession: break;
    }
    return "session";
}

std::string_view word_of(SnapshotHolderKind kind) noexcept {
    switch (kind) {
        case SnapshotHolderKind::kPreparedTransaction: return "prepared";
        case SnapshotHolderKind::kReplicationSlot: return "slot";
        case SnapshotHolderKind::kStandby: return "standby";
        case SnapshotHolderKind::kSession: break;
    }
    return "session";
}

std::vector<SnapshotHolder> find_snapshot_holders(pg::Transaction& tx) {
    std::vector<SnapshotHolder> holders;
    for (const auto& row : tx.run(sql::find_snapshot_holders)) {
        SnapshotHolder holder;
        holder.kind = kind_of(row[0].view());
        holder.name = text_of(row[1]);
        holder.user = text_of(row[2]);
        holder.application = text_of(row[3]);
        holder.state = text_of(row[4]);
        holder.xid = text_of(row[5]);
        holder.transactions = row[6].as<std::int64_t>();
        if (!row[7].is_null()) holder.held = std::chrono::seconds{row[7].as<std::int64_t>()};
        holders.push_back(std::move(holder));
    }
    return holders;
}

}  // namespace oiab::queue
