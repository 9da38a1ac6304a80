#pragma once
/// @file  Questions that are announced before they are asked, so that those of several callers are asked by one
/// statement; and their answers. For Transaction. Lane threads only.

#include <cstddef>
#include <functional>
#include <optional>
#include <pqxx/result>
#include <string>
#include <string_view>
#include <vector>

#include "pg/statement.hpp"

namespace oiab::pg {

/// The rows that answer one question, among those that answer others.
class Answer {
public:
    Answer(pqxx::result all, pqxx::result::size_type first, pqxx::result::size_type last)
        : all_{std::move(all)}, first_{first}, last_{last} {}

    [[nodiscard]] bool empty() const noexcept { return first_ == last_; }
    /// @param index  from 0, below the number of rows
    [[nodiscard]] pqxx::row operator[](pqxx::result::size_type index) const { return all_[first_ + index]; }
    [[nodiscard]] auto begin() const { return all_.begin() + first_; }
    [[nodiscard]] auto end() const { return all_.begin() + last_; }

private:
    pqxx::result all_;
    pqxx::result::size_type first_;
    pqxx::result::size_type last_;
};

class Questions {
public:
    using Ask = std::function<pqxx::result(const Statement&, const std::string& rows)>;

    void announce(const Statement& statement, std::string row);
    /// The answer to a question that was announced, each once: who asks again wants to know what has become of it.
    /// Those that wait for the same statement are asked with it. nullopt: this one was not announced.
    [[nodiscard]] std::optional<Answer> take(const Statement& statement, std::string_view row, const Ask& ask);

private:
    struct Batch {
        Statement statement;
        std::vector<std::string> rows;  ///< empty once taken
        std::optional<pqxx::result> answer;
    };

    std::vector<Batch> batches_;
};

/// Those of `all` whose column `place` is `place`; the rows are in its order.
[[nodiscard]] Answer answer_at(const pqxx::result& all, std::size_t place);

}  // namespace oiab::pg
