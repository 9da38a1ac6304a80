/// @file  What tools/list says, checked: nothing of it is believed, and what a model could not use is left out.
#include <algorithm>

#include "clients/mcp_headers.hpp"
#include "clients/mcp_message.hpp"
#include "clients/provider.hpp"
#include "clients/utf8.hpp"

namespace oiab::clients::mcp {
namespace {

using nlohmann::json;

constexpr std::size_t kLongestName = 256;  // the specification asks for at most 128
constexpr std::size_t kLongestDescription = 4U << 10U;
constexpr std::size_t kLongestSchema = 64U << 10U;
constexpr std::size_t kLongestCursor = 4U << 10U;
constexpr std::size_t kMaxToolsOfPage = 1000;

/// A name that stands in a sentence: it may be anything.
std::string shown(const std::string& name) {
    std::string text = shortened(name, 80);
    for (char& c : text) {
        if (static_cast<unsigned char>(c) < 0x20) c = ' ';
    }
    return "\"" + text + "\"";
}

bool hint(const json& tool, const char* name) {
    const auto annotations = tool.find("annotations");
    if (annotations == tool.end() || !annotations->is_object()) return false;
    const auto value = annotations->find(name);
    return value != annotations->end() && value->is_boolean() && value->get<bool>();
}

/// Providers want an object whose properties are one, too; some servers send neither for tools without arguments.
std::expected<json, std::string> read_schema(const json& tool) {
    const auto found = tool.find("inputSchema");
    if (found == tool.end()) return json{{"type", "object"}, {"properties", json::object()}};
    if (!found->is_object()) return std::unexpected{"its schema is no object"};
    json schema = *found;
    if (!schema.contains("type")) schema["type"] = "object";
    if (schema["type"] != "object") return std::unexpected{"its arguments are no object"};
    if (!schema.contains("properties")) schema["properties"] = json::object();
    if (!schema["properties"].is_object()) return std::unexpected{"its schema is none"};
    if (auto checked = check_header_annotations(schema); !checked) return std::unexpected{checked.error()};
    return schema;
}

std::expected<McpTool, std::string> read_tool(const json& item) {
    if (!item.is_object()) return std::unexpected{"a tool that is no object is left out"};
    McpTool tool;
    tool.name = text_member(item, "name");
    if (tool.name.empty()) return std::unexpected{"a tool without a name is left out"};
    const auto wrong = [&](const std::string& why) {
        return std::unexpected{"the tool " + shown(tool.name) + " is left out: " + why};
    };
    if (tool.name.size() > kLongestName) return wrong("its name is too long");
    // The server compares bytes; a name that had to be repaired is none of its tools' any more.
    if (tool.name != item["name"].get_ref<const std::string&>()) return wrong("its name is no valid UTF-8");
    tool.description = text_member(item, "description");
    if (tool.description.empty()) tool.description = text_member(item, "title");
    tool.description = shortened(tool.description, kLongestDescription);
    const auto schema = read_schema(item);
    if (!schema) return wrong(schema.error());
    tool.input_schema = to_valid_utf8(schema->dump(-1, ' ', false, json::error_handler_t::replace));
    if (tool.input_schema.size() > kLongestSchema) return wrong("its schema is too long");
    tool.read_only = hint(item, "readOnlyHint");
    tool.idempotent = hint(item, "idempotentHint");
    return tool;
}

}  // namespace

std::optional<ToolPage> read_tool_page(const json& result) {
    if (!result.is_object()) return std::nullopt;
    const auto tools = result.find("tools");
    if (tools == result.end() || !tools->is_array()) return std::nullopt;
    ToolPage page;
    for (const auto& item : *tools) {
        if (page.tools.size() + page.rejected.size() >= kMaxToolsOfPage) {
            page.rejected.emplace_back("a page has more than " + std::to_string(kMaxToolsOfPage) +
                                       " tools; the rest is left out");
            break;
        }
        auto tool = read_tool(item);
        if (tool) page.tools.push_back(std::move(*tool));
        else page.rejected.push_back(std::move(tool.error()));
    }
    const auto cursor = result.find("nextCursor");
    if (cursor != result.end() && cursor->is_string() &&
        cursor->get_ref<const std::string&>().size() <= kLongestCursor) {
        page.next_cursor = cursor->get<std::string>();
    }
    const auto ttl = result.find("ttlMs");
    if (ttl != result.end() && ttl->is_number()) {
        const double told = std::clamp(ttl->get<double>(), 0.0, 86'400'000.0);
        page.fresh = std::chrono::milliseconds{static_cast<std::int64_t>(told)};
    }
    return page;
}

}  // namespace oiab::clients::mcp
