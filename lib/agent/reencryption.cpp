#include "agent/reencryption.hpp"

#include <optional>

#include "pg/transaction.hpp"

namespace oiab::agent {
namespace {

using secrets::Key;

/// A page is one transaction: its rows are locked for a few milliseconds.
constexpr std::size_t kPage = 100;
/// Somebody who still writes with the old key is caught up with by another pass, but not for ever.
constexpr int kPasses = 5;

struct Opened {
    std::size_t key = 0;
    secrets::SecretText plain;
};

std::optional<Opened> open_with_any(const std::vector<Key>& keys, const std::string& sealed) {
    for (std::size_t i = 0; i < keys.size(); ++i)
        if (auto plain = secrets::open(keys[i], sealed)) return Opened{i, std::move(*plain)};
    return std::nullopt;
}

enum class Write { kNo, kYes };

SealedCount go_through(pg::Session& session, const std::vector<Key>& keys, store::SealedPlace place, Write write) {
    SealedCount count;
    count.place = place;
    std::vector<std::string> names;
    for (const auto& key : keys) names.push_back(key.name());
    std::string after;
    for (bool more = true; more;) {
        const auto page = pg::in_transaction(
            session, [&](pg::Transaction& tx) { return store::load_sealed(tx, place, after, kPage); });
        more = page.size() == kPage;
        if (!page.empty()) after = page.back().id;
        std::vector<store::Resealed> changes;
        for (const auto& text : page) {
            const auto opened = open_with_any(keys, text.sealed);
            if (!opened) {
                ++count.unreadable;
                continue;
            }
            ++count.by_key[names[opened->key]];
            if (opened->key > 0 && write == Write::kYes)
                changes.push_back({text.id, text.sealed, secrets::seal(keys.front(), opened->plain.view())});
        }
        if (changes.empty()) continue;
        count.rewritten += static_cast<std::int64_t>(pg::in_transaction(
            session, [&](pg::Transaction& tx) { return store::replace_sealed(tx, place, changes); }));
    }
    return count;
}

}  // namespace

std::int64_t SealedCount::total() const {
    std::int64_t sum = unreadable;
    for (const auto& [name, texts] : by_key) sum += texts;
    return sum;
}

std::int64_t SealedSurvey::unreadable() const {
    std::int64_t sum = 0;
    for (const auto& place : places) sum += place.unreadable;
    return sum;
}

std::int64_t SealedSurvey::rewritten() const {
    std::int64_t sum = 0;
    for (const auto& place : places) sum += place.rewritten;
    return sum;
}

std::int64_t SealedSurvey::opened_by(const std::string& key_name) const {
    std::int64_t sum = 0;
    for (const auto& place : places)
        if (const auto found = place.by_key.find(key_name); found != place.by_key.end()) sum += found->second;
    return sum;
}

SealedSurvey survey_sealed(pg::Session& session, const std::vector<Key>& keys) {
    SealedSurvey survey;
    for (const auto place : store::kSealedPlaces) survey.places.push_back(go_through(session, keys, place, Write::kNo));
    return survey;
}

SealedSurvey reencrypt(pg::Session& session, const std::vector<Key>& keys) {
    SealedSurvey survey;
    for (const auto place : store::kSealedPlaces) {
        std::int64_t rewritten = 0;
        SealedCount count;
        // The last pass is the one that found nothing to do: it says what is there now.
        for (int pass = 0; pass < kPasses; ++pass) {
            count = go_through(session, keys, place, Write::kYes);
            rewritten += count.rewritten;
            const auto current = count.by_key.find(keys.front().name());
            const auto under_first = current == count.by_key.end() ? 0 : current->second;
            if (under_first + count.unreadable == count.total()) break;
        }
        count.rewritten = rewritten;
        survey.places.push_back(std::move(count));
    }
    return survey;
}

bool sees_all_sealed(pg::Session& session) {
    return pg::in_transaction(session, [](pg::Transaction& tx) { return store::sees_all_sealed(tx); });
}

}  // namespace oiab::agent
