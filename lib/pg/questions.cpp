#include "pg/questions.hpp"

#include <algorithm>
#include <pqxx/row>
#include <ranges>

namespace oiab::pg {

Answer answer_at(const pqxx::result& all, std::size_t place) {
    const auto column = all.empty() ? pqxx::row::size_type{0} : all.column_number("place");
    const auto places = std::views::iota(pqxx::result::size_type{0}, all.size());
    const auto found = std::ranges::equal_range(
        places, place, {}, [&](pqxx::result::size_type row) { return all[row][column].as<std::size_t>(); });
    const auto first = static_cast<pqxx::result::size_type>(found.begin() - places.begin());
    return {all, first, first + static_cast<pqxx::result::size_type>(found.size())};
}

void Questions::announce(const Statement& statement, std::string row) {
    const auto waits = [&](const Batch& one) { return one.statement.name == statement.name && !one.answer; };
    auto batch = std::ranges::find_if(batches_, waits);
    if (batch == batches_.end()) batch = batches_.insert(batches_.end(), Batch{statement, {}, std::nullopt});
    batch->rows.push_back(std::move(row));
}

std::optional<Answer> Questions::take(const Statement& statement, std::string_view row, const Ask& ask) {
    for (auto& batch : batches_) {
        if (batch.statement.name != statement.name) continue;
        const auto found = std::ranges::find(batch.rows, row);
        if (found == batch.rows.end()) continue;
        if (!batch.answer) {
            std::string rows;
            for (const auto& one : batch.rows) rows.append(rows.empty() ? "[" : ",").append(one);
            batch.answer = ask(statement, rows + ']');
        }
        found->clear();
        return answer_at(*batch.answer, static_cast<std::size_t>(found - batch.rows.begin()) + 1);
    }
    return std::nullopt;
}

}  // namespace oiab::pg
