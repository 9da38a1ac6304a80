#pragma once
/// @file  Finds what somebody says about how they want to be treated: "call me Bob", "I prefer tea over coffee",
/// "always answer in German". Pure; any thread. The text is untrusted: what comes out is one line, short, and few.

#include <string>
#include <string_view>
#include <vector>

namespace oiab::agent {

struct Preference {
    /// What it is about: a later one of the same topic replaces it. "name", "answer-language", "prefer:answer", …
    std::string topic;
    std::string content;  ///< one self-contained sentence of at most kMaxPreferenceBytes bytes
    std::string value;    ///< what was said, as said ("Bob"); empty where a model found it
};

inline constexpr std::size_t kMaxPreferenceBytes = 240;
inline constexpr std::size_t kMaxPreferences = 5;  ///< of one text

/// The explicit statements in the text, by rules, the later of two about one topic alone. Nothing is guessed: a
/// statement stands at the beginning of a clause, is no question and is not in quotation marks. English only.
[[nodiscard]] std::vector<Preference> find_preferences(std::string_view text);

/// What a model is asked where the rules are not enough, and what is believed of its answer: a JSON array of {topic,
/// content}, prose and fences around it tolerated, bounded like the rules' finds.
[[nodiscard]] std::string make_preference_prompt();
[[nodiscard]] std::vector<Preference> read_preferences(std::string_view answer);

}  // namespace oiab::agent
