#include "agent/clauses.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace oiab::agent {
namespace {

/// Whoever writes more than this writes about something, and seldom about themselves behind it.
constexpr std::size_t kMaxBytes = 4'000;
/// Longer than that is no name.
constexpr std::size_t kMaxQuotedName = 40;

bool begins(std::string_view text, std::size_t at, std::string_view what) { return text.substr(at).starts_with(what); }

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

/// Typographic quotes and dashes as their ASCII relatives, so that rules know one form each.
std::string plain(std::string_view text) {
    struct Pair {
        std::string_view from, to;
    };
    static constexpr std::array kPairs = {
        Pair{"\xE2\x80\x99", "'"},  Pair{"\xE2\x80\x98", "'"}, Pair{"\xE2\x80\x9C", "\""}, Pair{"\xE2\x80\x9D", "\""},
        Pair{"\xE2\x80\x9E", "\""}, Pair{"\xC2\xAB", "\""},    Pair{"\xC2\xBB", "\""},     Pair{"\xE2\x80\x94", ";"},
        Pair{"\xE2\x80\x93", ";"},  Pair{"\xE2\x80\xA6", "."}, Pair{"\xC2\xA0", " "}};
    std::string out;
    for (std::size_t i = 0; i < text.size();) {
        const auto pair = std::ranges::find_if(kPairs, [&](const Pair& p) { return begins(text, i, p.from); });
        if (pair == kPairs.end()) {
            out += text[i++];
        } else {
            out += pair->to;
            i += pair->from.size();
        }
    }
    return out;
}

bool is_word_byte(char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte >= 0x80 || (c >= '0' && c <= '9') || (lower(c) >= 'a' && lower(c) <= 'z') || c == '-' || c == '+' ||
           c == '#' || c == '/' || c == '%';
}

class Reader {
public:
    explicit Reader(std::string text) : text_{std::move(text)} {}

    std::vector<Clause> read() {
        while (at_ < text_.size()) step();
        end_clause();
        end_sentence(false);
        return std::move(done_);
    }

private:
    void step() {
        const char c = text_[at_];
        const bool apostrophe = c == '\'' && !word_.empty() && at_ + 1 < text_.size() && is_word_byte(text_[at_ + 1]);
        if (is_word_byte(c) || apostrophe) {
            word_ += c;
        } else if (c == '"' || c == '\'' || c == '`') {
            end_word();
            skip_quote(c);
        } else if (c == ' ') {
            end_word();
        } else if (c == '.' && at_ + 1 < text_.size() && is_word_byte(text_[at_ + 1]) && !word_.empty()) {
            word_ += c;  // "v1.2", "e.g."
        } else if (c == '.' || c == '!' || c == '?' || c == '\n') {
            end_clause();
            end_sentence(c == '?');
        } else {
            end_clause();  // commas, colons, brackets, control characters
        }
        ++at_;
    }

    /// Leaves out what is quoted, unless it is so short that it may be a name or a word that is meant as such.
    void skip_quote(char quote) {
        const std::size_t end = text_.find(quote, at_ + 1);
        if (end == std::string::npos || text_.substr(at_, end - at_).find('\n') != std::string::npos) return;
        const std::string inside = text_.substr(at_ + 1, end - at_ - 1);
        const bool simple = std::ranges::all_of(inside, [](char c) { return is_word_byte(c) || c == ' '; });
        if (!clause_.words.empty() && simple && inside.size() <= kMaxQuotedName) {
            std::string word;
            for (const char c : inside + " ") {
                if (c != ' ') word += c;
                else if (!word.empty()) add(std::exchange(word, {}));
            }
        } else {
            end_clause();
        }
        at_ = end;
    }

    void add(std::string word) {
        std::string small = word;
        std::ranges::transform(small, small.begin(), lower);
        clause_.words.push_back({std::move(word), std::move(small)});
    }
    void end_word() {
        if (!word_.empty()) add(std::exchange(word_, {}));
    }
    void end_clause() {
        end_word();
        if (!clause_.words.empty()) sentence_.push_back(std::exchange(clause_, {}));
    }
    void end_sentence(bool question) {
        for (Clause& clause : sentence_) {
            clause.question = question;
            done_.push_back(std::move(clause));
        }
        sentence_.clear();
    }

    std::string text_;
    std::size_t at_ = 0;
    std::string word_;
    Clause clause_;
    std::vector<Clause> sentence_;
    std::vector<Clause> done_;
};

std::string join(std::span<const Word> words, std::string Word::* form) {
    std::string out;
    for (const Word& word : words) out += (out.empty() ? "" : " ") + word.*form;
    return out;
}

}  // namespace

std::vector<Clause> clauses_of(std::string_view text) {
    // Cut between characters.
    std::size_t end = std::min(text.size(), kMaxBytes);
    while (end > 0 && end < text.size() && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) --end;
    return Reader{plain(text.substr(0, end))}.read();
}

std::size_t match(std::span<const Word> words, std::string_view phrase) {
    std::size_t count = 0;
    while (!phrase.empty()) {
        const std::size_t space = std::min(phrase.find(' '), phrase.size());
        if (count == words.size() || words[count].lower != phrase.substr(0, space)) return 0;
        ++count;
        phrase.remove_prefix(std::min(space + 1, phrase.size()));
    }
    return count;
}

std::size_t find(std::span<const Word> words, std::string_view phrase) {
    for (std::size_t at = 0; at < words.size(); ++at) {
        if (match(words.subspan(at), phrase) > 0) return at;
    }
    return words.size();
}

std::string text_of(std::span<const Word> words) { return join(words, &Word::text); }
std::string lower_text_of(std::span<const Word> words) { return join(words, &Word::lower); }

}  // namespace oiab::agent
