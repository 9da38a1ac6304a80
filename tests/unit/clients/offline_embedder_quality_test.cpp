/// @file  How good the offline embedder is, on proverbs in the public domain and questions about them.

#include <algorithm>
#include <array>
#include <catch2/catch_test_macros.hpp>
#include <fstream>
#include <iostream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "clients/lexical_vector.hpp"
#include "clients/offline_text.hpp"

using namespace oiab::clients;

namespace {

struct Question {
    std::string kind;
    std::string text;
    std::string answer;
};

struct Collection {
    std::vector<std::string> texts;
    std::vector<Question> questions;
};

Collection load_proverbs() {
    std::ifstream file{OIAB_SOURCE_DIR "/tests/data/proverbs.tsv"};
    REQUIRE(file);
    Collection collection;
    for (std::string line; std::getline(file, line);) {
        std::istringstream fields{line};
        std::array<std::string, 4> field;
        for (auto& text : field) std::getline(fields, text, '\t');
        if (field[0] == "T") collection.texts.push_back(field[1]);
        if (field[0] == "Q") collection.questions.push_back({field[1], field[2], field[3]});
    }
    return collection;
}

struct Quality {
    int count = 0;
    int in_first = 0;
    int in_eight = 0;
    int above_threshold = 0;
    double reciprocal_ranks = 0;
    int strangers = 0;  ///< other texts above recall's threshold

    [[nodiscard]] double share(int of) const { return static_cast<double>(of) / count; }
    [[nodiscard]] double mrr() const { return reciprocal_ranks / count; }
};

std::map<std::string, Quality> measure(const Collection& collection) {
    std::vector<std::vector<float>> vectors;
    for (const auto& text : collection.texts) vectors.push_back(lexical_vector(text));
    std::map<std::string, Quality> by_kind;
    for (const auto& question : collection.questions) {
        const auto asked = lexical_vector(question.text);
        const auto answer = std::ranges::find(collection.texts, question.answer) - collection.texts.begin();
        const double likeness_of_answer = likeness(asked, vectors.at(static_cast<std::size_t>(answer)));
        int rank = 1;
        int strangers = 0;
        for (std::size_t i = 0; i < vectors.size(); ++i) {
            if (static_cast<std::ptrdiff_t>(i) == answer) continue;
            const double other = likeness(asked, vectors[i]);
            if (other >= likeness_of_answer) ++rank;
            if (other >= 0.3) ++strangers;
        }
        for (const std::string& kind : {question.kind, std::string{"all"}}) {
            Quality& quality = by_kind[kind];
            ++quality.count;
            quality.in_first += rank == 1 ? 1 : 0;
            quality.in_eight += rank <= 8 ? 1 : 0;
            quality.above_threshold += likeness_of_answer >= 0.3 ? 1 : 0;
            quality.reciprocal_ranks += 1.0 / rank;
            quality.strangers += strangers;
        }
    }
    return by_kind;
}

}  // namespace

TEST_CASE("offline embedder: its quality on the proverbs stays above what the documentation states") {
    const Collection collection = load_proverbs();
    REQUIRE(collection.texts.size() >= 100);
    REQUIRE(collection.questions.size() >= 60);
    auto quality = measure(collection);
    for (const auto& [kind, q] : quality) {
        std::cout << "offline embedder, " << kind << " (" << q.count << " questions of " << collection.texts.size()
                  << " texts): recall@1 " << q.share(q.in_first) << ", recall@8 " << q.share(q.in_eight) << ", MRR "
                  << q.mrr() << ", answers above 0.3 " << q.share(q.above_threshold) << ", others above 0.3 a question "
                  << q.share(q.strangers) << "\n";
    }
    CHECK(quality["shared"].share(quality["shared"].in_eight) >= 0.97);
    CHECK(quality["shared"].mrr() >= 0.97);
    CHECK(quality["inflected"].share(quality["inflected"].in_eight) >= 0.95);
    CHECK(quality["inflected"].mrr() >= 0.9);
    CHECK(quality["all"].share(quality["all"].above_threshold) >= 0.75);
    CHECK(quality["all"].share(quality["all"].strangers) <= 0.5);
    // Synonyms it cannot see, and the documentation says so: whoever makes it see them may be proud and change both.
    CHECK(quality["synonym"].mrr() <= 0.3);
}

TEST_CASE("offline embedder: a text has the same vector to the last bit on every platform") {
    std::uint64_t fingerprint = 0;
    for (const float value : lexical_vector("Ada's favourite tea is jasmine, and the teapot was hers.")) {
        fingerprint =
            stable_hash(std::to_string(fingerprint) + std::to_string(static_cast<std::int64_t>(value * 1e9F)));
    }
    INFO("a change of the vectors needs a new model name, so that the old ones are made anew");
    CHECK(fingerprint == 5043055394113343309U);
}

TEST_CASE("offline embedder: the signs alone tell what is near, for the first stage of recall") {
    const Collection collection = load_proverbs();
    const auto agreement = [](const std::vector<float>& left, const std::vector<float>& right) {
        int same = 0;
        for (std::size_t i = 0; i < left.size(); ++i) same += (left[i] > 0) == (right[i] > 0) ? 1 : 0;
        return same;
    };
    int found = 0;
    int asked = 0;
    for (const auto& question : collection.questions) {
        if (question.kind != "shared") continue;
        const auto vector = lexical_vector(question.text);
        std::vector<std::pair<int, std::string>> order;
        for (const auto& text : collection.texts) order.emplace_back(-agreement(vector, lexical_vector(text)), text);
        std::ranges::sort(order);
        ++asked;
        for (std::size_t i = 0; i < 8; ++i) found += order[i].second == question.answer ? 1 : 0;
    }
    CHECK(found >= asked * 95 / 100);
}
