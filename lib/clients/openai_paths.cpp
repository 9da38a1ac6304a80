#include "clients/openai_paths.hpp"

namespace oiab::clients {

std::string percent_encoded(std::string_view text) {
    constexpr std::string_view kDigits = "0123456789ABCDEF";
    constexpr std::string_view kUnreserved = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
    std::string out;
    for (const char c : text) {
        if (kUnreserved.find(c) != std::string_view::npos) {
            out += c;
            continue;
        }
        const auto byte = static_cast<unsigned char>(c);
        out += '%';
        out += kDigits[byte >> 4U];
        out += kDigits[byte & 15U];
    }
    return out;
}

std::string_view OpenAiPaths::model_name(std::string_view model) const noexcept {
    return deployment.empty() ? model : std::string_view{deployment};
}

std::string OpenAiPaths::of(std::string_view model, std::string_view operation) const {
    std::string path;
    if (!api_version.empty()) path = "/openai/deployments/" + percent_encoded(model_name(model));
    path += operation;
    if (!api_version.empty()) path += "?api-version=" + percent_encoded(api_version);
    return path;
}

std::string OpenAiPaths::chat(std::string_view model) const { return of(model, "/chat/completions"); }

std::string OpenAiPaths::embeddings(std::string_view model) const { return of(model, "/embeddings"); }

}  // namespace oiab::clients
