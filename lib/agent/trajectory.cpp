#include "agent/trajectory.hpp"

#include <openssl/evp.h>

#include <array>
#include <nlohmann/json.hpp>
#include <stdexcept>

namespace oiab::agent {

using nlohmann::json;

std::string sha256_hex(std::string_view bytes) {
    std::array<unsigned char, 32> digest{};
    unsigned int size = 0;
    if (EVP_Digest(bytes.data(), bytes.size(), digest.data(), &size, EVP_sha256(), nullptr) != 1 ||
        size != digest.size()) {
        throw std::runtime_error{"the cryptographic library refuses SHA-256"};
    }
    constexpr std::string_view kDigits = "0123456789abcdef";
    std::string text;
    for (const unsigned char byte : digest) {
        text += kDigits[byte >> 4U];
        text += kDigits[byte & 0x0FU];
    }
    return text;
}

ToolUse make_tool_use(std::string tool, const json& input, std::string_view output) {
    // nlohmann's objects are sorted by key and dump() adds no space, so the text is canonical.
    const std::string text = input.dump(-1, ' ', false, json::error_handler_t::replace);
    ToolUse use;
    use.tool = std::move(tool);
    use.input_hash = sha256_hex(text);
    use.output_hash = sha256_hex(output);
    return use;
}

json to_json(std::span<const ToolUse> uses) {
    json list = json::array();
    for (const auto& use : uses) {
        list.push_back({{"tool", use.tool}, {"input_hash", use.input_hash}, {"output_hash", use.output_hash}});
    }
    return list;
}

std::string trajectory_hash(std::span<const ToolUse> uses) { return sha256_hex(to_json(uses).dump()); }

}  // namespace oiab::agent
