#pragma once
/// @file  The answer to an embeddings request, read as its text goes by: a hundred vectors are two megabytes of JSON,
/// which as a tree of values would be ten times that and take ten times as long. Private to this layer. Pure; any
/// thread.

#include <cstdint>
#include <expected>
#include <string_view>
#include <vector>

#include "clients/provider.hpp"

namespace oiab::clients {

struct EmbeddingsAnswer {
    std::vector<std::vector<float>> vectors;  ///< in the order of the texts, each padded to kEmbeddingDimensions
    std::int64_t tokens = 0;
};

/// Reads vectors as numbers and as base64 of little-endian floats, whichever was asked for: servers that do not know
/// the one send the other.
/// @param body   of an answer with status 200
/// @param count  how many texts were sent
/// @returns the error that the provider wrote in place of an answer, or why the answer is none
[[nodiscard]] std::expected<EmbeddingsAnswer, ModelError> read_embeddings(const ProviderSettings& provider,
                                                                          std::string_view model, std::string_view body,
                                                                          std::size_t count);

}  // namespace oiab::clients
