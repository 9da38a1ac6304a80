#include "clients/offline_embedder.hpp"

#include "clients/lexical_vector.hpp"
#include "clients/offline_text.hpp"

namespace oiab::clients {

asio::awaitable<std::expected<Embeddings, ModelError>> OfflineEmbedder::embed(std::vector<std::string> texts,
                                                                              core::Deadline) {
    Embeddings done;
    done.model = model();
    for (const std::string& text : texts) {
        Embedded& item = done.items.emplace_back();
        done.tokens += estimated_tokens(text);
        if (words_of(text).empty()) item.refusal = "the text has no words";
        else item.vector = lexical_vector(text);
    }
    co_return done;
}

}  // namespace oiab::clients
