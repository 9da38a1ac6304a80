#pragma once
/// @file  Texts become vectors, whoever provides them. The values are any thread's; an Embedder may be used by any
/// number of coroutines at once.

#include <boost/asio/awaitable.hpp>
#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "clients/model_error.hpp"
#include "core/deadline.hpp"

namespace oiab::clients {

namespace asio = boost::asio;

/// What the schema's vector columns hold.
inline constexpr std::size_t kEmbeddingDimensions = 1536;

/// One text's vector, or why the provider refused this text.
struct Embedded {
    std::vector<float> vector;  ///< kEmbeddingDimensions long, or empty when refused
    std::string refusal;        ///< the provider's reason; empty when embedded

    [[nodiscard]] bool refused() const noexcept { return vector.empty(); }
};

struct Embeddings {
    std::vector<Embedded> items;  ///< one a text, in the order of the texts
    std::int64_t tokens = 0;      ///< used by all calls together
    std::string model;            ///< to be kept beside each vector: only vectors of one model are comparable
};

class Embedder {
public:
    virtual ~Embedder() = default;

    /// Embeds all texts; an empty list costs no call. A text that the provider refuses is reported in its item and
    /// does not spoil the others. An error concerns the call as a whole.
    [[nodiscard]] virtual asio::awaitable<std::expected<Embeddings, ModelError>> embed(std::vector<std::string> texts,
                                                                                       core::Deadline deadline) = 0;
    /// The name kept as memories.embedding_model.
    [[nodiscard]] virtual std::string_view model() const noexcept = 0;
};

}  // namespace oiab::clients
