#include "agent/memory_context.hpp"

#include "agent/tokens.hpp"

namespace oiab::agent {
namespace {

constexpr std::string_view kOpen = "<memory-context>\n";
constexpr std::string_view kClose = "</memory-context>";
/// A memory cut shorter than this says nothing.
constexpr std::int64_t kLeastTokens = 16;

/// Whether the tag's name follows at `at`, in any case.
bool names_tag(std::string_view text, std::size_t at) {
    constexpr std::string_view kName = "memory-context";
    if (at < text.size() && text[at] == '/') ++at;
    if (text.size() - std::min(at, text.size()) < kName.size()) return false;
    for (std::size_t i = 0; i < kName.size(); ++i) {
        const char c = text[at + i];
        const char lower = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
        if (lower != kName[i]) return false;
    }
    return true;
}

/// One line, which cannot be mistaken for an end of the block.
std::string one_line(std::string_view content) {
    std::string line;
    for (std::size_t i = 0; i < content.size(); ++i) {
        const char c = content[i];
        if (c == '\n' || c == '\r' || c == '\t') {
            if (!line.empty() && line.back() != ' ') line += ' ';
        } else if (c == '<' && names_tag(content, i + 1)) {
            line += '(';
        } else {
            line += c;
        }
    }
    while (!line.empty() && line.back() == ' ') line.pop_back();
    return line;
}

}  // namespace

MemoryContext make_memory_context(std::span<const RecalledMemory> memories, std::int64_t max_tokens) {
    MemoryContext context;
    std::int64_t left = max_tokens - estimate_tokens(kOpen) - estimate_tokens(kClose);
    std::string lines;
    for (const auto& memory : memories) {
        std::string line = "- [" + memory.kind + "] " + one_line(memory.content);
        const std::int64_t needed = estimate_tokens(line) + 1;  // and its line break
        if (needed > left) {
            if (left < kLeastTokens) break;
            line = std::string{cut_to_tokens(line, left - 2)} + "…";
            left = 0;
        } else {
            left -= needed;
        }
        lines += line + "\n";
        context.ids.push_back(memory.id);
        if (left == 0) break;
    }
    if (!context.ids.empty()) context.text = std::string{kOpen} + lines + std::string{kClose};
    return context;
}

}  // namespace oiab::agent
