#pragma once
/// @file  Takes a text apart into clauses of words, for rules about what people say. Pure; any thread.

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace oiab::agent {

struct Word {
    std::string text;   ///< as written
    std::string lower;  ///< ASCII in lower case, the apostrophe as '
};

/// What stands between full stops, commas, dashes, brackets and line breaks. Words in quotation marks are somebody
/// else's: left out, but for a name or so at the end of a clause ("call me 'Bob'").
struct Clause {
    std::vector<Word> words;
    bool question = false;  ///< its sentence ends in a question mark
};

/// The clauses of the first few thousand bytes. Text that is no UTF-8, or control characters, end a clause.
[[nodiscard]] std::vector<Clause> clauses_of(std::string_view text);

/// How many of the first words the phrase takes; 0 where the words do not begin with it. The phrase is in lower case.
[[nodiscard]] std::size_t match(std::span<const Word> words, std::string_view phrase);
/// Where the phrase begins; words.size() where nowhere.
[[nodiscard]] std::size_t find(std::span<const Word> words, std::string_view phrase);

[[nodiscard]] std::string text_of(std::span<const Word> words);
[[nodiscard]] std::string lower_text_of(std::span<const Word> words);

}  // namespace oiab::agent
