#include "clients/mcp_message.hpp"

#include <algorithm>
#include <array>
#include <limits>

#include "clients/mcp_headers.hpp"
#include "clients/provider.hpp"
#include "clients/utf8.hpp"

namespace oiab::clients {

namespace mcp {
namespace {

using nlohmann::json;

constexpr std::size_t kLongestSentence = 500;
/// Revisions with a session that travel over this transport.
constexpr std::array<std::string_view, 3> kLegacyRevisions{kMcpLegacyRevision, "2025-06-18", "2025-03-26"};

std::string one_line(std::string text) {
    for (char& c : text) {
        if (static_cast<unsigned char>(c) < 0x20) c = ' ';
    }
    return shortened(text, kLongestSentence);
}

const json* find(const json& object, const char* name) {
    if (!object.is_object()) return nullptr;
    const auto found = object.find(name);
    return found == object.end() ? nullptr : &*found;
}

}  // namespace

bool is_legacy_revision(std::string_view revision) {
    return std::ranges::find(kLegacyRevisions, revision) != kLegacyRevisions.end();
}

std::string write_message(const McpPeer& peer, std::optional<std::int64_t> id, std::string_view method, json params,
                          const std::string& client_version) {
    if (peer.is_modern) {
        json& meta = params["_meta"];
        meta["io.modelcontextprotocol/protocolVersion"] = peer.revision;
        meta["io.modelcontextprotocol/clientInfo"] = {{"name", "oiabd"}, {"version", client_version}};
        // Nobody sits at a job who could be asked, and servers get no model of ours to use.
        meta["io.modelcontextprotocol/clientCapabilities"] = json::object();
    }
    json message{{"jsonrpc", "2.0"}, {"method", method}};
    if (id) message["id"] = *id;
    if (!params.is_null()) message["params"] = std::move(params);
    return message.dump(-1, ' ', false, json::error_handler_t::replace);
}

HttpHeaders mirror_headers(const McpPeer& peer, std::string_view method, std::string_view name) {
    HttpHeaders headers{{"Content-Type", "application/json"}, {"Accept", "application/json, text/event-stream"}};
    if (!peer.revision.empty()) headers.emplace_back("MCP-Protocol-Version", peer.revision);
    if (!peer.session_id.empty()) headers.emplace_back("Mcp-Session-Id", peer.session_id);
    if (!peer.is_modern) return headers;
    headers.emplace_back("Mcp-Method", method);
    if (!name.empty()) headers.emplace_back("Mcp-Name", header_value(name));
    return headers;
}

std::optional<Refusal> find_refusal(const json& message) {
    const json* error = find(message, "error");
    if (error == nullptr || !error->is_object()) return std::nullopt;
    Refusal refusal;
    if (const json* code = find(*error, "code"); code != nullptr && code->is_number_integer()) {
        refusal.code = code->get<std::int64_t>();
    }
    refusal.message = one_line(text_member(*error, "message"));
    const json* data = find(*error, "data");
    const json* supported = data == nullptr ? nullptr : find(*data, "supported");
    if (supported != nullptr && supported->is_array()) {
        for (const auto& revision : *supported) {
            if (revision.is_string() && refusal.supported.size() < 16) {
                refusal.supported.push_back(one_line(to_valid_utf8(revision.get<std::string>())));
            }
        }
    }
    return refusal;
}

Meaning meaning_of(const json& message, std::int64_t id) {
    if (!message.is_object()) return Meaning::kOther;
    const json* told = find(message, "id");
    if (const json* method = find(message, "method"); method != nullptr && method->is_string()) {
        if (told != nullptr && !told->is_null()) return Meaning::kRequest;
        if (*method == "notifications/tools/list_changed") return Meaning::kToolsChanged;
        if (*method != "notifications/progress") return Meaning::kOther;
        const json* params = find(message, "params");
        const json* token = params == nullptr ? nullptr : find(*params, "progressToken");
        return token != nullptr && *token == id ? Meaning::kProgress : Meaning::kOther;
    }
    const bool is_ours = told != nullptr && *told == id;
    if (is_ours && (message.contains("result") || message.contains("error"))) return Meaning::kAnswer;
    const bool is_nobodys = told == nullptr || told->is_null();
    return is_nobodys && message.contains("error") ? Meaning::kAnswer : Meaning::kOther;
}

std::string read_server_info(const json& info) {
    std::string text = text_member(info, "name");
    if (const std::string version = text_member(info, "version"); !version.empty()) {
        text += (text.empty() ? "" : " ") + version;
    }
    return shortened(one_line(std::move(text)), 100);
}

}  // namespace mcp
}  // namespace oiab::clients
