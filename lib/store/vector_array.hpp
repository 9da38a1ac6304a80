#pragma once
/// @file  Vectors as a parameter of type vector[] in PostgreSQL's binary form: as text, a hundred of them cost the
/// server more than all the rest of storing them. Private to the .cpp files of this layer. Lane threads only.

#include <pqxx/util>
#include <span>
#include <vector>

#include "pg/transaction.hpp"

namespace oiab::store {

/// @param vectors  any number, in the order of the array
/// @throws what the transaction does: the element's type is asked of the server, and must be there
[[nodiscard]] pqxx::bytes vector_array(pg::Transaction& tx, std::span<const std::vector<float>* const> vectors);

}  // namespace oiab::store
