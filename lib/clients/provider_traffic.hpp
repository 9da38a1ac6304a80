#pragma once
/// @file  What the whole process knows about its providers' health: a circuit for each provider and model, and an
/// adaptive limit of calls at once for each key. One object a process, shared by all guarded models. Thread-safe;
/// waiting costs no thread.

#include <boost/asio/awaitable.hpp>
#include <cstddef>
#include <expected>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "clients/chat.hpp"
#include "clients/circuit.hpp"
#include "clients/concurrency_limit.hpp"
#include "clients/embeddings.hpp"
#include "core/clock.hpp"
#include "core/deadline.hpp"
#include "core/random.hpp"

namespace oiab::clients {

/// Whose calls these are.
struct TrafficIdentity {
    std::string key_id;    ///< of make_key_id: calls with the same one share a limit
    std::string provider;  ///< with the model's name it selects the circuit
    std::string shown{};   ///< what messages call the provider; empty: `provider`
};

/// Identifies a credential at a server without telling it: the beginning of a SHA-256 of the address's scheme, host
/// and port, and of the key. The same text at two servers is two credentials: self-hosted ones share dummy keys.
/// @param api_key  empty for servers without credentials
[[nodiscard]] std::string make_key_id(std::string_view base_url, std::string_view api_key);

/// A circuit is shared by all who call the same models of the provider at the same address; rows may have one name and
/// different addresses. Users, passwords and paths of the address, which may be secrets, are in a hash only.
[[nodiscard]] TrafficIdentity make_identity(std::string_view provider, std::string_view base_url,
                                            std::string_view api_key);

struct TrafficSettings {
    CircuitSettings circuit{};
    LimitSettings limit{};
    /// How long a call waits for its turn at most, and besides never more than half of what its deadline leaves: what
    /// begins later has hardly time to end. Beyond it the call answers kUnavailable.
    std::chrono::milliseconds longest_wait{300'000};
    /// A pause that a provider asks for is waited out up to this; for a longer one calls answer kUnavailable, since a
    /// job in the table waits cheaper than a coroutine.
    std::chrono::milliseconds longest_pause_waited{30'000};
    /// How often one call that was refused by the rate limit goes back to the head of the queue before its refusal is
    /// told.
    int requeues = 3;
};

class CallQueue;

class ProviderTraffic {
public:
    /// @param clock, random  outlive this object
    ProviderTraffic(const core::Clock& clock, core::Random& random, TrafficSettings settings = {});
    ProviderTraffic(const ProviderTraffic&) = delete;
    ProviderTraffic& operator=(const ProviderTraffic&) = delete;
    ~ProviderTraffic();

    /// What somebody who looks sees of one key: calls under way, calls waiting, and how many may be under way.
    struct KeyState {
        std::size_t running = 0;
        std::size_t waiting = 0;
        std::size_t limit = 0;
    };
    [[nodiscard]] KeyState key_state(const std::string& key_id) const;
    [[nodiscard]] Circuit::State circuit_state(std::string_view provider, std::string_view model) const;

    // --- for the guards ---

    [[nodiscard]] const core::Clock& clock() const noexcept { return clock_; }
    [[nodiscard]] const TrafficSettings& settings() const noexcept { return settings_; }
    [[nodiscard]] std::shared_ptr<CallQueue> queue_of(const std::string& key_id);

    /// See Circuit; the waits are spread by up to a quarter, so that a crowd does not come back at once.
    [[nodiscard]] std::optional<std::chrono::milliseconds> circuit_refusal(const std::string& circuit);
    [[nodiscard]] std::expected<Circuit::Ticket, std::chrono::milliseconds> admit(const std::string& circuit);
    void answering(const std::string& circuit, Circuit::Ticket ticket);
    void succeeded(const std::string& circuit, Circuit::Ticket ticket);
    void failed(const std::string& circuit, Circuit::Ticket ticket,
                std::optional<std::chrono::milliseconds> retry_after);
    void abandoned(const std::string& circuit, Circuit::Ticket ticket);
    /// The wait with up to a quarter more.
    [[nodiscard]] std::chrono::milliseconds spread(std::chrono::milliseconds wait);

    [[nodiscard]] static std::string circuit_name(std::string_view provider, std::string_view model);

private:
    Circuit& circuit_in_map(const std::string& name);

    const core::Clock& clock_;
    core::Random& random_;
    const TrafficSettings settings_;
    mutable std::mutex mutex_;
    std::map<std::string, Circuit, std::less<>> circuits_;
    std::map<std::string, std::shared_ptr<CallQueue>, std::less<>> queues_;
};

/// The model behind its circuit and its key's limit. A call that is not let through answers kUnavailable with
/// retry_after, without having been sent.
[[nodiscard]] std::shared_ptr<ChatModel> make_guarded(std::shared_ptr<ChatModel> model,
                                                      std::shared_ptr<ProviderTraffic> traffic,
                                                      TrafficIdentity identity);
[[nodiscard]] std::shared_ptr<Embedder> make_guarded(std::shared_ptr<Embedder> embedder,
                                                     std::shared_ptr<ProviderTraffic> traffic,
                                                     TrafficIdentity identity);

}  // namespace oiab::clients
