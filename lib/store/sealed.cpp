#include "store/sealed.hpp"

#include "store/rows.hpp"
#include "store/sql.hpp"

namespace oiab::store {
namespace {

constexpr const char* kNilId = "00000000-0000-0000-0000-000000000000";

}  // namespace

std::vector<SealedText> load_sealed(pg::Transaction& tx, SealedPlace place, const std::string& after,
                                    std::size_t most) {
    std::vector<SealedText> texts;
    const pqxx::params parameters{std::string{place}, after.empty() ? kNilId : after, most};
    for (const auto& row : tx.run(sql::load_sealed, parameters))
        texts.push_back({rows::read_text(row[0]), rows::read_text(row[1])});
    return texts;
}

std::size_t replace_sealed(pg::Transaction& tx, SealedPlace place, std::span<const Resealed> texts) {
    if (texts.empty()) return 0;
    auto list = nlohmann::json::array();
    for (const auto& text : texts) list.push_back({{"id", text.id}, {"old", text.old_text}, {"new", text.new_text}});
    const pqxx::params parameters{std::string{place}, rows::dump(list)};
    return static_cast<std::size_t>(tx.run(sql::replace_sealed, parameters).size());
}

bool sees_all_sealed(pg::Transaction& tx) { return tx.run(sql::sees_all_sealed)[0][0].as<bool>(); }

}  // namespace oiab::store
