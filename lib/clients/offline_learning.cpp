#include "clients/offline_learning.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <vector>

#include "clients/offline_text.hpp"
#include "clients/utf8.hpp"

namespace oiab::clients {
namespace {

using nlohmann::json;

constexpr std::size_t kLongestRequest = 300;
constexpr std::size_t kMostSubjectWords = 3;

std::string_view trimmed(std::string_view text, std::string_view edges = " \t\r\n") {
    const auto first = text.find_first_not_of(edges);
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(edges) - first + 1);
}

/// What stands between two markers; up to the end where the second is missing, empty where the first is.
std::string_view between(std::string_view text, std::string_view open, std::string_view close) {
    const auto begin = text.find(open);
    if (begin == std::string_view::npos) return {};
    text = text.substr(begin + open.size());
    return text.substr(0, text.find(close));
}

void add_once(std::vector<std::string>& list, std::string_view item) {
    if (!item.empty() && std::ranges::find(list, item) == list.end()) list.emplace_back(item);
}

std::string joined(const std::vector<std::string>& list, std::string_view separator) {
    std::string text;
    for (const auto& item : list) text += (text.empty() ? "" : std::string{separator}) + item;
    return text;
}

std::string review(std::string_view prompt) {
    const std::string request =
        shortened(trimmed(between(prompt, "Request:\n", "\n\nWhat the agent did")), kLongestRequest);
    std::string_view steps = between(prompt, "\n\nWhat the agent did, in order:\n", "\nIts answer:\n");
    std::vector<std::string> worked;
    std::vector<std::string> failed;
    std::string_view tool;
    for (; !steps.empty(); steps.remove_prefix(std::min(steps.size(), steps.find('\n') + 1))) {
        const auto line = steps.substr(0, steps.find('\n'));
        if (const auto name = between(line, ". Called ", " with "); !name.empty()) {
            tool = name;
        } else if (const auto answer = between(line, ". It answered: ", "\n"); !answer.empty()) {
            add_once(trimmed(answer).starts_with("{\"error\"") ? failed : worked, tool);
        }
        if (steps.find('\n') == std::string_view::npos) break;
    }
    json answer{{"worked", ""}, {"failed", ""}, {"reusable", ""}};
    if (!worked.empty()) {
        // Few words beside the request's own: the lexical embedder would take what all reviews say for likeness.
        answer["worked"] = joined(worked, ", ") + " for \"" + request + "\"";
        // That one tool does what it is for is nothing to remember.
        if (worked.size() > 1) answer["reusable"] = joined(worked, ", then ");
    }
    if (!failed.empty()) answer["failed"] = joined(failed, ", ") + " refused.";
    return answer.dump(-1, ' ', false, json::error_handler_t::replace);
}

struct Reviewed {
    std::vector<std::string> tools;
    std::vector<std::vector<std::string>> requests;  ///< their words
};

Reviewed read_reviews(std::string_view prompt) {
    Reviewed read;
    for (auto at = prompt.find("\nTools: "); at != std::string_view::npos; at = prompt.find("\nTools: ", at + 1)) {
        const auto review = prompt.substr(at, prompt.find("\nTools: ", at + 1) - at);
        auto tools = between(review, "\nTools: ", "\n");
        while (!tools.empty()) {
            add_once(read.tools, trimmed(tools.substr(0, tools.find(','))));
            tools.remove_prefix(
                std::min(tools.size(), tools.find(',') == tools.npos ? tools.size() : tools.find(',') + 1));
        }
        read.requests.push_back(words_of(between(between(review, "What worked: ", "\n"), "\"", "\"")));
    }
    return read;
}

/// The words that all requests share, in the order of the first: what they are about.
std::vector<std::string> shared_words(const std::vector<std::vector<std::string>>& requests) {
    std::vector<std::string> shared;
    if (requests.empty()) return shared;
    for (const auto& word : requests.front()) {
        const bool everywhere = std::ranges::all_of(
            requests, [&](const auto& words) { return std::ranges::find(words, word) != words.end(); });
        if (everywhere && !is_common_word(word) && shared.size() < kMostSubjectWords) add_once(shared, word);
    }
    return shared;
}

std::string skill(std::string_view prompt) {
    const auto read = read_reviews(prompt);
    const auto subject = shared_words(read.requests);
    const std::string tools = joined(read.tools, ", ");
    const std::string about = subject.empty() ? "requests of this kind" : "\"" + joined(subject, " ") + "\"";
    std::string name = joined(subject, "-");
    if (name.empty()) name = joined(read.tools, "-");
    std::string body = "# Skill: " + (subject.empty() ? tools : joined(subject, " ")) +
                       "\n\n## When to use it\n\nWhen a " + "request is about " + about + ".\n\n## Steps\n\n";
    for (std::size_t i = 0; i < read.tools.size(); ++i) {
        body += std::to_string(i + 1) + ". Call " + read.tools[i] + ".\n";
    }
    body += "\nWritten offline, from the wording of " + std::to_string(read.requests.size()) +
            " turns: to be read before it is promoted.\n";
    const json answer{
        {"name", shortened(name, 60)}, {"description", "Use it for " + about + ": " + tools + "."}, {"body", body}};
    return answer.dump(-1, ' ', false, json::error_handler_t::replace);
}

}  // namespace

std::optional<std::string> answer_learning_offline(std::string_view system, std::string_view prompt) {
    if (system.find("review a finished turn") != std::string_view::npos) return review(prompt);
    if (system.find("You write skills") != std::string_view::npos) return skill(prompt);
    return std::nullopt;
}

std::optional<std::string> wanted_skill(std::string_view text) {
    std::string plain{text};
    for (char& c : plain) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    constexpr std::string_view kPhrase = "use the skill ";
    const auto at = plain.find(kPhrase);
    if (at == std::string::npos) return std::nullopt;
    auto name = trimmed(text.substr(at + kPhrase.size()));
    name = trimmed(name.substr(0, name.find_first_of(" \t\r\n")), "\"'.,:;!?");
    if (name.empty()) return std::nullopt;
    return std::string{name};
}

}  // namespace oiab::clients
