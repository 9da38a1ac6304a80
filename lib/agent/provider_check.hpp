#pragma once
/// @file  Writing down what a check of a provider row found. Lane threads and commands; blocks and throws what the
/// transaction does.

#include "agent/provider_clients.hpp"
#include "store/provider_records.hpp"

namespace oiab::agent {

/// @param record  as it was checked; other credentials than those are left alone
store::CheckRecorded record_check(pg::Transaction& tx, const store::ProviderRecord& record, const RowCheck& found);

}  // namespace oiab::agent
