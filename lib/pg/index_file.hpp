#pragma once
/// @file  Reads the migrations' index files, so that the indexes of large tables can be built outside of the
/// transaction. Private to the migrator.

#include <string>
#include <string_view>
#include <vector>

namespace oiab::pg {

/// One `CREATE [UNIQUE] INDEX IF NOT EXISTS name ON table …;` that starts at the first column of a line.
struct IndexStatement {
    std::string name;
    std::string table;
    std::string text;       ///< without the semicolon
    std::size_t begin = 0;  ///< where it stands in the file
    std::size_t end = 0;    ///< behind the semicolon

    /// The same statement for use outside of a transaction.
    [[nodiscard]] std::string concurrently() const;
};

/// True for names such as indexes.sql and jobs_indexes.sql.
[[nodiscard]] bool is_index_file(std::string_view name) noexcept;

/// In the order of the file. Statements inside of DO blocks are not among them: they start further to the right.
[[nodiscard]] std::vector<IndexStatement> read_index_file(std::string_view text);

}  // namespace oiab::pg
