#include "clients/provider_traffic.hpp"

#include <fmt/format.h>
#include <openssl/sha.h>

#include <array>

#include "clients/call_queue.hpp"
#include "clients/origin.hpp"

namespace oiab::clients {
namespace {

/// Users and their keys come and go; what tells nothing is forgotten beyond this many.
constexpr std::size_t kManyEntries = 1024;

constexpr std::size_t kIdBytes = 8;

/// The beginning of the text's SHA-256.
std::string make_id(std::string_view text) {
    std::array<unsigned char, SHA256_DIGEST_LENGTH> digest{};
    SHA256(reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest.data());
    constexpr std::string_view kDigits = "0123456789abcdef";
    std::string id;
    for (std::size_t i = 0; i < kIdBytes; ++i) {
        id += kDigits[digest[i] >> 4U];
        id += kDigits[digest[i] & 15U];
    }
    return id;
}

}  // namespace

std::string make_key_id(std::string_view base_url, std::string_view api_key) {
    std::string text{base_url};
    text = find_origin(text).value_or(text);
    text += '\0';
    text += api_key;
    return make_id(text);
}

TrafficIdentity make_identity(std::string_view provider, std::string_view base_url, std::string_view api_key) {
    const std::string address{base_url.substr(0, base_url.find('?'))};
    return {make_key_id(base_url, api_key), fmt::format("{} at {}", provider, make_id(address)),
            fmt::format("{} at {}", provider, find_origin(address).value_or("a malformed address"))};
}

ProviderTraffic::ProviderTraffic(const core::Clock& clock, core::Random& random, TrafficSettings settings)
    : clock_{clock}, random_{random}, settings_{settings} {}

ProviderTraffic::~ProviderTraffic() = default;

std::string ProviderTraffic::circuit_name(std::string_view provider, std::string_view model) {
    std::string name{provider};
    name += '\n';
    name += model;
    return name;
}

ProviderTraffic::KeyState ProviderTraffic::key_state(const std::string& key_id) const {
    std::shared_ptr<CallQueue> queue;
    {
        const std::scoped_lock lock{mutex_};
        const auto found = queues_.find(key_id);
        if (found == queues_.end()) return {0, 0, settings_.limit.initial};
        queue = found->second;
    }
    const auto look = queue->look();
    return {look.running, look.waiting, look.limit};
}

Circuit::State ProviderTraffic::circuit_state(std::string_view provider, std::string_view model) const {
    const std::scoped_lock lock{mutex_};
    const auto found = circuits_.find(circuit_name(provider, model));
    return found == circuits_.end() ? Circuit::State::kClosed : found->second.state();
}

std::shared_ptr<CallQueue> ProviderTraffic::queue_of(const std::string& key_id) {
    const std::scoped_lock lock{mutex_};
    auto& queue = queues_[key_id];
    if (queue) return queue;
    queue = std::make_shared<CallQueue>(clock_, random_, settings_.limit, settings_.longest_pause_waited);
    auto made = queue;
    // Those that nobody holds have no call in them; what they learned is learned again soon.
    if (queues_.size() > kManyEntries) std::erase_if(queues_, [](const auto& q) { return q.second.use_count() == 1; });
    return made;
}

Circuit& ProviderTraffic::circuit_in_map(const std::string& name) {
    if (const auto found = circuits_.find(name); found != circuits_.end()) return found->second;
    if (circuits_.size() > kManyEntries) {
        std::erase_if(circuits_, [now = clock_.now()](const auto& c) { return c.second.is_forgettable(now); });
    }
    return circuits_.emplace(name, Circuit{settings_.circuit}).first->second;
}

std::chrono::milliseconds ProviderTraffic::spread(std::chrono::milliseconds wait) {
    const auto more = random_.uniform() * static_cast<double>(wait.count()) / 4;
    return wait + std::chrono::milliseconds{static_cast<std::chrono::milliseconds::rep>(more)};
}

std::optional<std::chrono::milliseconds> ProviderTraffic::circuit_refusal(const std::string& circuit) {
    const std::scoped_lock lock{mutex_};
    const auto found = circuits_.find(circuit);
    if (found == circuits_.end()) return std::nullopt;
    const auto wait = found->second.refusal(clock_.now());
    return wait ? std::optional{spread(*wait)} : std::nullopt;
}

std::expected<Circuit::Ticket, std::chrono::milliseconds> ProviderTraffic::admit(const std::string& circuit) {
    const std::scoped_lock lock{mutex_};
    auto ticket = circuit_in_map(circuit).admit(clock_.now());
    if (!ticket) return std::unexpected{spread(ticket.error())};
    return ticket;
}

void ProviderTraffic::answering(const std::string& circuit, Circuit::Ticket ticket) {
    const std::scoped_lock lock{mutex_};
    circuit_in_map(circuit).answering(ticket);
}

void ProviderTraffic::succeeded(const std::string& circuit, Circuit::Ticket ticket) {
    const std::scoped_lock lock{mutex_};
    circuit_in_map(circuit).succeeded(ticket);
}

void ProviderTraffic::failed(const std::string& circuit, Circuit::Ticket ticket,
                             std::optional<std::chrono::milliseconds> retry_after) {
    const std::scoped_lock lock{mutex_};
    circuit_in_map(circuit).failed(ticket, clock_.now(), retry_after, random_);
}

void ProviderTraffic::abandoned(const std::string& circuit, Circuit::Ticket ticket) {
    const std::scoped_lock lock{mutex_};
    circuit_in_map(circuit).abandoned(ticket);
}

}  // namespace oiab::clients
