/// @file  What tools/call answers, as text for a model.
#include "clients/mcp_message.hpp"
#include "clients/provider.hpp"
#include "clients/utf8.hpp"

namespace oiab::clients::mcp {
namespace {

using nlohmann::json;

constexpr std::size_t kLongestNote = 300;

std::string note(std::string text) {
    for (char& c : text) {
        if (static_cast<unsigned char>(c) < 0x20) c = ' ';
    }
    return "[" + shortened(text, kLongestNote) + "]";
}

/// Bytes that a base64 text stands for.
std::size_t decoded_size(const json& object, const char* name) {
    const auto found = object.find(name);
    if (found == object.end() || !found->is_string()) return 0;
    return found->get_ref<const std::string&>().size() / 4 * 3;
}

std::string text_of_resource(const json& resource) {
    if (!resource.is_object()) return note("a resource that is none");
    const std::string uri = text_member(resource, "uri");
    if (resource.contains("text"))
        return "[resource " + shortened(uri, kLongestNote) + "]\n" + text_member(resource, "text");
    return note("resource " + uri + " of type " + text_member(resource, "mimeType") + ", " +
                std::to_string(decoded_size(resource, "blob")) + " bytes, not shown");
}

std::string text_of_block(const json& block) {
    const std::string type = text_member(block, "type");
    if (type == "text") return text_member(block, "text");
    if (type == "image" || type == "audio") {
        return note(type + " of type " + text_member(block, "mimeType") + ", " +
                    std::to_string(decoded_size(block, "data")) + " bytes, not shown");
    }
    if (type == "resource_link") {
        return note("link to resource " + text_member(block, "name") + ": " + text_member(block, "uri"));
    }
    if (type == "resource" && block.contains("resource")) return text_of_resource(block["resource"]);
    return note("content of type \"" + type + "\", not shown");
}

/// Cuts at a character and says so: a model that does not know would take the part for the whole.
std::string bounded(std::string text, std::size_t max_bytes) {
    if (text.size() <= max_bytes) return text;
    const std::size_t whole = text.size();
    text = shortened(text, max_bytes);
    return text + "\n[cut here: the result has " + std::to_string(whole) + " bytes, and at most " +
           std::to_string(max_bytes) + " are shown]";
}

}  // namespace

std::expected<McpAnswer, std::string> read_tool_result(const json& result, std::size_t max_bytes) {
    if (!result.is_object()) return std::unexpected{"its result is no object"};
    if (const auto type = result.find("resultType"); type != result.end() && *type != "complete") {
        if (*type == "input_required")
            return std::unexpected{"it wants to ask somebody first, and a job has nobody to ask"};
        return std::unexpected{"its result is of a type that is unknown here"};
    }
    McpAnswer answer;
    const auto content = result.find("content");
    const bool has_content = content != result.end() && content->is_array();
    const auto structured = result.find("structuredContent");
    if (!has_content && structured == result.end()) return std::unexpected{"its result has no content"};
    bool has_text = false;
    if (has_content) {
        for (const auto& block : *content) {
            if (!answer.text.empty()) answer.text += '\n';
            answer.text += text_of_block(block);
            has_text = has_text || text_member(block, "type") == "text";
        }
    }
    // Servers are asked to repeat structured content as text; those that don't still mean the model to have it.
    if (!has_text && structured != result.end() && !structured->is_null()) {
        if (!answer.text.empty()) answer.text += '\n';
        answer.text += to_valid_utf8(structured->dump(-1, ' ', false, json::error_handler_t::replace));
    }
    answer.text = bounded(std::move(answer.text), max_bytes);
    const auto is_error = result.find("isError");
    answer.is_error = is_error != result.end() && is_error->is_boolean() && is_error->get<bool>();
    return answer;
}

}  // namespace oiab::clients::mcp
