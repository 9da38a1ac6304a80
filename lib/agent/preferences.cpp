#include "agent/preferences.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <span>

#include "agent/clauses.hpp"

namespace oiab::agent {
namespace {

using Words = std::span<const Word>;

/// How many words of the clause are politeness and lead-in: "please", "you can", "from now on".
std::size_t lead_in(Words words) {
    static constexpr std::array kLeadIns = {"please",
                                            "just",
                                            "hi",
                                            "hello",
                                            "hey",
                                            "ok",
                                            "okay",
                                            "thanks",
                                            "and",
                                            "but",
                                            "so",
                                            "also",
                                            "well",
                                            "actually",
                                            "instead",
                                            "then",
                                            "you can",
                                            "you may",
                                            "you should",
                                            "you could",
                                            "can you",
                                            "could you",
                                            "would you",
                                            "feel free to",
                                            "i want you to",
                                            "i'd like you to",
                                            "i would like you to",
                                            "remember to",
                                            "remember that",
                                            "note that",
                                            "remember",
                                            "by the way",
                                            "btw",
                                            "from now on",
                                            "in future",
                                            "in the future",
                                            "for the future",
                                            "going forward"};
    std::size_t skipped = 0;
    for (bool found = true; found;) {
        found = false;
        for (const char* phrase : kLeadIns) {
            const std::size_t length = match(words.subspan(skipped), phrase);
            if (length == 0) continue;
            skipped += length;
            found = true;
            break;
        }
    }
    return skipped;
}

/// The lead-ins that make an instruction a lasting one.
bool is_lasting(Words words) {
    return std::ranges::any_of(
        std::array{"from now on", "in future", "in the future", "for the future", "going forward"},
        [&](const char* phrase) { return find(words, phrase) < words.size(); });
}

/// Words that end a name: what comes after them is about something else.
Words until_end_of_name(Words words) {
    static constexpr std::array kEnds = {"and",  "but",  "or",  "from",  "instead", "please", "not", "because",
                                         "when", "if",   "by",  "since", "as",      "in",     "for", "so",
                                         "now",  "then", "at",  "with",  "thanks",  "thank",  "i",   "my",
                                         "not",  "is",   "are", "who",   "that"};
    std::size_t length = 0;
    while (length < words.size() && std::ranges::find(kEnds, words[length].lower) == kEnds.end()) ++length;
    return words.first(length);
}

std::optional<Preference> find_name(Words words, bool question) {
    static constexpr std::array kForms = {"call me",       "my name is",     "my name's",   "i go by",
                                          "address me as", "refer to me as", "i am called", "i'm called"};
    // "Call me back", "call me when …", "call me a taxi", "call me crazy, but …": about telephones and figures of
    // speech, not names.
    static constexpr std::array kNoNames = {
        "back",          "when",  "if",      "at",       "on",       "in",    "tomorrow", "later", "today", "tonight",
        "now",           "any",   "anytime", "again",    "maybe",    "crazy", "a",        "an",    "the",   "by",
        "asap",          "soon",  "as",      "before",   "after",    "once",  "up",       "out",   "old",   "over",
        "this",          "that",  "to",      "whatever", "anything", "what",  "it",       "some",  "about", "not",
        "old-fashioned", "first", "sometime"};
    for (const char* form : kForms) {
        const std::size_t length = match(words, form);
        if (length == 0 || words.size() == length) continue;
        if (question && std::string_view{form} != "call me") continue;
        const Words name = until_end_of_name(words.subspan(length));
        if (name.empty() || name.size() > 4 || std::ranges::find(kNoNames, name.front().lower) != kNoNames.end())
            continue;
        return Preference{"name", "The user wants to be called " + text_of(name) + ".", text_of(name)};
    }
    return std::nullopt;
}

std::string topic_word(const Word& word) {
    std::string topic = word.lower;
    if (topic.size() > 3 && topic.ends_with('s') && !topic.ends_with("ss")) topic.pop_back();
    return topic;
}

/// "I prefer tea over coffee": about that pair, whichever way round. "I prefer short answers": about answers. Else
/// about all that it says.
std::string topic_of_preference(Words what) {
    for (const char* than : {"over", "to", "instead of", "rather than", "than"}) {
        const std::size_t at = find(what, than);
        if (at == 0 || at >= what.size()) continue;
        const Words second = what.subspan(at + match(what.subspan(at), than));
        if (second.empty()) continue;
        std::array<std::string, 2> pair{lower_text_of(what.first(at)), lower_text_of(second)};
        std::ranges::sort(pair);
        return "prefer:" + pair[0] + "|" + pair[1];
    }
    static constexpr std::array kJoints = {"in",  "on", "at",   "for", "with", "when",    "if",  "of",
                                           "and", "or", "from", "by",  "as",   "without", "not", "to"};
    const bool plain = std::ranges::none_of(
        what, [&](const Word& word) { return std::ranges::find(kJoints, word.lower) != kJoints.end(); });
    return "prefer:" + (plain && what.size() <= 3 ? topic_word(what.back()) : lower_text_of(what));
}

std::optional<Preference> find_preference(Words words) {
    for (const char* form :
         {"i prefer", "i'd prefer", "i would prefer", "i generally prefer", "i usually prefer", "i always prefer",
          "i strongly prefer", "i'd rather have", "i would rather have", "my preference is"}) {
        const std::size_t length = match(words, form);
        if (length == 0 || words.size() == length) continue;
        const Words what = words.subspan(length);
        return Preference{topic_of_preference(what), "The user prefers " + text_of(what) + ".", text_of(what)};
    }
    for (const char* form : {"my favourite", "my favorite", "my preferred"}) {
        const std::size_t length = match(words, form);
        const std::size_t is = find(words, "is");
        if (length == 0 || is <= length || is + 1 >= words.size()) continue;
        const Words subject = words.subspan(length, is - length);
        return Preference{"favourite:" + lower_text_of(subject),
                          "The user's favourite " + text_of(subject) + " is " + text_of(words.subspan(is + 1)) + ".",
                          text_of(words.subspan(is + 1))};
    }
    return std::nullopt;
}

bool is_answering(const Word& word) {
    static constexpr std::array kVerbs = {"answer", "reply", "respond", "write", "speak", "talk"};
    return std::ranges::find(kVerbs, word.lower) != kVerbs.end();
}

/// "Always answer in German", "never use emojis", "from now on reply in bullet points".
std::optional<Preference> find_rule(Words words, bool lasting) {
    static constexpr std::array kVerbs = {"answer", "reply",   "respond", "write",     "speak",    "talk",
                                          "use",    "address", "format",  "give",      "send",     "keep",
                                          "start",  "end",     "include", "show",      "explain",  "avoid",
                                          "quote",  "sign",    "greet",   "summarise", "summarize"};
    bool never = false;
    std::size_t begin = 0;
    if (match(words, "always") > 0) begin = 1;
    else if (match(words, "never") > 0) {
        begin = 1;
        never = true;
    } else if (match(words, "don't ever") > 0 || match(words, "do not ever") > 0) {
        begin = words[0].lower == "do" ? 3 : 2;
        never = true;
    } else if (!lasting) return std::nullopt;
    const Words rule = words.subspan(begin);
    if (rule.size() < 2 || std::ranges::find(kVerbs, rule.front().lower) == kVerbs.end()) return std::nullopt;
    const std::string content =
        std::string{"The user wants the agent to "} + (never ? "never " : "always ") + text_of(rule) + ".";
    const std::size_t in = find(rule, "in");
    if (is_answering(rule.front()) && in < rule.size()) {
        const Words form = rule.subspan(in + 1);
        // A language is one word; "in bullet points", "in short sentences" are forms. What never is to be does not
        // replace what always is.
        if (form.empty()) return std::nullopt;
        if (never) return Preference{"never-answer:" + lower_text_of(form), content, text_of(rule)};
        return Preference{form.size() == 1 ? "answer-language" : "answer-form", content, text_of(rule)};
    }
    return Preference{"rule:" + lower_text_of(rule), content, text_of(rule)};
}

bool fits(const Preference& preference) {
    return preference.content.size() <= kMaxPreferenceBytes && preference.topic.size() <= kMaxPreferenceBytes;
}

}  // namespace

std::vector<Preference> find_preferences(std::string_view text) {
    std::vector<Preference> found;
    for (const Clause& clause : clauses_of(text)) {
        const Words all{clause.words};
        const Words words = all.subspan(lead_in(all));
        auto preference = find_name(words, clause.question);
        if (!preference && !clause.question) preference = find_preference(words);
        if (!preference && !clause.question) preference = find_rule(words, is_lasting(all));
        if (!preference || !fits(*preference)) continue;
        std::erase_if(found, [&](const Preference& earlier) { return earlier.topic == preference->topic; });
        found.push_back(std::move(*preference));
    }
    if (found.size() > kMaxPreferences) found.resize(kMaxPreferences);
    return found;
}

}  // namespace oiab::agent
