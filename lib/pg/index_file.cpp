#include "pg/index_file.hpp"

namespace oiab::pg {
namespace {

constexpr std::string_view kGuard = "INDEX IF NOT EXISTS ";

/// The word that begins at `at`, up to the next blank or parenthesis.
std::string word_at(std::string_view text, std::size_t at) {
    return std::string{text.substr(at, text.find_first_of(" (\n", at) - at)};
}

}  // namespace

std::string IndexStatement::concurrently() const {
    std::string out = text;
    out.replace(out.find(kGuard), kGuard.size(), "INDEX CONCURRENTLY IF NOT EXISTS ");
    return out;
}

bool is_index_file(std::string_view name) noexcept { return name.ends_with("indexes.sql"); }

std::vector<IndexStatement> read_index_file(std::string_view text) {
    std::vector<IndexStatement> statements;
    for (std::size_t line = 0; line < text.size();) {
        const auto rest = text.substr(line);
        if (rest.starts_with("CREATE INDEX IF NOT EXISTS ") || rest.starts_with("CREATE UNIQUE INDEX IF NOT EXISTS ")) {
            const auto length = rest.find(';');
            if (length == std::string_view::npos) break;
            IndexStatement statement;
            statement.text = rest.substr(0, length);
            const auto name_at = statement.text.find(kGuard) + kGuard.size();
            statement.name = word_at(statement.text, name_at);
            statement.table = word_at(statement.text, statement.text.find(" ON ", name_at) + 4);
            statement.begin = line;
            statement.end = line + length + 1;
            statements.push_back(std::move(statement));
            line += length;
        }
        const auto newline = text.find('\n', line);
        if (newline == std::string_view::npos) break;
        line = newline + 1;
    }
    return statements;
}

}  // namespace oiab::pg
