// A handler in a shared library: counts the words of texts.
//
// Payload: {"texts": ["…", …], "then": "<kind>"}. Reports progress after each text, looks now and then whether it shall
// stop, and, where "then" names a kind, enqueues a job of it with the count.
#include <nlohmann/json.hpp>
#include <sstream>

#include "oiab/plugin.hpp"

namespace {

using nlohmann::json;
using oiab::sdk::Api;
using oiab::sdk::Job;
using oiab::sdk::Outcome;

std::size_t words_in(const std::string& text) {
    std::istringstream stream{text};
    std::string word;
    std::size_t count = 0;
    while (stream >> word) ++count;
    return count;
}

Outcome count_words(const Job& job, Api& api) {
    const json payload = json::parse(job.payload(), nullptr, false);
    if (!payload.is_object() || !payload.contains("texts") || !payload["texts"].is_array()) {
        return Outcome::invalid_payload("the payload has no list \"texts\"");
    }
    const auto& texts = payload["texts"];
    std::size_t words = 0;
    for (std::size_t i = 0; i < texts.size(); ++i) {
        if (api.cancelled()) return Outcome::retry("stopped before the end");
        if (!texts[i].is_string()) return Outcome::invalid_payload("\"texts\" holds something that is no text");
        words += words_in(texts[i].get<std::string>());
        api.progress(json{{"done", i + 1}, {"of", texts.size()}}.dump());
    }
    if (payload.contains("then") && payload["then"].is_string()) {
        oiab::sdk::NewJob next;
        next.kind = payload["then"].get<std::string>();
        next.payload = json{{"words", words}}.dump();
        next.dedupe_key = "word-count:" + std::string{job.id()};  // a second attempt does not enqueue a second one
        api.enqueue(next);
    }
    api.log(oiab::sdk::LogLevel::kInfo, "counted " + std::to_string(words) + " words");
    return Outcome::completed(json{{"words", words}}.dump());
}

}  // namespace

OIAB_PLUGIN(count_words)
