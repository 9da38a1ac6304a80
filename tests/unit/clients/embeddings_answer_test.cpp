#include "clients/embeddings_answer.hpp"

#include <catch2/catch_test_macros.hpp>
#include <limits>
#include <string>
#include <vector>

#include "clients/embeddings.hpp"

using namespace oiab::clients;

namespace {

std::expected<EmbeddingsAnswer, ModelError> read(const std::string& body, std::size_t count = 1) {
    return read_embeddings(ProviderSettings{}, "m", body, count);
}

std::string with_vector(const std::string& vector) { return R"({"data":[{"embedding":)" + vector + "}]}"; }

std::string complaint(const std::string& body, std::size_t count = 1) {
    const auto answer = read(body, count);
    return answer ? "none" : answer.error().message;
}

}  // namespace

TEST_CASE("embeddings answer: base64 of floats and numbers give the same vector") {
    // 1, -2.5, 0.1 as little-endian floats, with padding where the length asks for it.
    const auto coded = read(with_vector(R"("AACAPwAAIMDNzMw9")"));
    const auto plain = read(with_vector("[1, -2.5, 0.1]"));
    REQUIRE(coded);
    REQUIRE(plain);
    CHECK(coded->vectors == plain->vectors);
    CHECK(coded->vectors[0].size() == kEmbeddingDimensions);
    CHECK(coded->vectors[0][2] == 0.1F);
    CHECK(coded->vectors[0][3] == 0.0F);
    CHECK(read(with_vector(R"("AACAPw==")")).value().vectors[0][0] == 1.0F);
}

TEST_CASE("embeddings answer: both forms may come in one answer, in any order of their members") {
    const auto answer = read(
        R"({"usage":{"total_tokens":7,"details":{"total_tokens":9}},"data":[)"
        R"({"index":1,"meta":{"index":0,"embedding":[9]},"embedding":"AACAPw=="},{"embedding":[2],"object":"embedding","index":0}],"model":"m"})",
        2);
    REQUIRE(answer);
    CHECK(answer->vectors[0][0] == 2.0F);
    CHECK(answer->vectors[1][0] == 1.0F);
    CHECK(answer->tokens == 7);
}

TEST_CASE("embeddings answer: what is no vector is said") {
    const std::string no_number = "the provider's answer is garbled: a vector holds what is no number";
    const std::string none = "the provider's answer is garbled: an item of it has no vector";
    CHECK(complaint(with_vector(R"("AACAPw")")) == no_number);    // cut off
    CHECK(complaint(with_vector(R"("AACA")")) == no_number);      // three bytes are no float
    CHECK(complaint(with_vector(R"("AAC*Pw==")")) == no_number);  // no base64
    CHECK(complaint(with_vector(R"("AADAfw==")")) == no_number);  // not a number
    CHECK(complaint(with_vector("[1e39]")) == no_number);         // more than a float holds
    CHECK(complaint(with_vector("[1,[2]]")) == no_number);
    CHECK(complaint(with_vector("[1,{}]")) == no_number);
    CHECK(complaint(with_vector(R"(["1"])")) == no_number);
    CHECK(complaint(with_vector("[true]")) == no_number);
    CHECK(complaint(with_vector(R"("")")) == none);
    CHECK(complaint(with_vector("null")) == none);
    CHECK(complaint(with_vector("{}")) == none);
    CHECK(complaint(R"({"data":{"embedding":[1]}})") ==
          "the provider's answer is garbled: it does not hold one vector a text");
    CHECK(complaint(R"([{"data":[{"embedding":[1]}]}])") ==
          "the provider's answer is garbled: it is not a JSON object");
    CHECK(complaint(R"({"data":[{"index":0,"embedding":[1]},{"index":0,"embedding":[1]}]})", 2) ==
          "the provider's answer is garbled: two vectors claim one text");
    CHECK(complaint(R"({"data":[{"embedding":[1]},{"embedding":[1]}]})") ==
          "the provider's answer is garbled: it does not hold one vector a text");
    CHECK(complaint(with_vector("[1]") + "x") == "the provider's answer is garbled: it is not a JSON object");
    CHECK(complaint(with_vector(std::string(100'000, '['))) ==
          "the provider's answer is garbled: it is not a JSON object");
}

TEST_CASE("embeddings answer: an error in the place of an answer is the provider's own word") {
    const auto answer = read(R"({"error":{"message":"maximum context length is 8192 tokens"},"data":[]})");
    REQUIRE_FALSE(answer);
    CHECK(answer.error().message.find("maximum context length") != std::string::npos);
    CHECK(read(R"({"error":null,"data":[{"embedding":[1]}]})"));
}

TEST_CASE("embeddings answer: broken text beside the vectors does no harm") {
    CHECK(read("{\"model\":\"\xff\",\"data\":[{\"embedding\":[1]}]}"));
    CHECK(read(R"({"model":"\ud83d","data":[{"embedding":"AACAPw=="}]})"));
}

TEST_CASE("embeddings answer: base64 that is too long names the dimensions") {
    std::string coded;
    for (std::size_t i = 0; i < 3072; i += 3) coded += "AACAPwAAgD8AAIA/";
    CHECK(complaint(with_vector('"' + coded + '"')) ==
          "the embedding model m gives vectors of 3072 dimensions, but 1536 are the most that can be stored");
}

TEST_CASE("embeddings answer: what JSON does not call a number is none, however near it comes") {
    for (const char* vector : {"[01]", "[1.]", "[.5]", "[+1]", "[1e]", "[-]", "[inf]", "[nan]", "[0x1]", "[1,]",
                               "[1 2]", "[1", "[-01.5]", "[1e+]", "[,1]"}) {
        INFO(vector);
        CHECK(complaint(with_vector(vector)) == "the provider's answer is garbled: it is not a JSON object");
    }
}

TEST_CASE("embeddings answer: each way of writing a number is read") {
    const auto answer = read(with_vector(" [ 0 , -0.5e1,\n1E+2,\t25e-2 , -0, 1e-400, 1e-42, 16777217, 0.1 ]"));
    REQUIRE(answer);
    const std::vector<float> expected{0, -5, 100, 0.25F, 0, 0, 1e-42F, 16777216, 0.1F};
    CHECK(std::vector<float>(answer->vectors[0].begin(), answer->vectors[0].begin() + 9) == expected);
}

TEST_CASE("embeddings answer: a vector stays where it was, whatever else is called like it") {
    const auto answer = read(
        R"({"embedding":[7],"note":"an \"embedding\":[8]","\"embedding":[9],"data":[{"index":1,"embedding" : [1,2]},)"
        R"({"object":"embedding","index":0,"x":{"embedding":[6]},"embedding":[3]},{"embedding":[4],"index":2}]})",
        3);
    REQUIRE(answer);
    CHECK(answer->vectors[1][1] == 2.0F);
    CHECK(answer->vectors[0][0] == 3.0F);
    CHECK(answer->vectors[0][1] == 0.0F);
    CHECK(answer->vectors[2][0] == 4.0F);
    CHECK(complaint(with_vector(R"("#0")")) == "the provider's answer is garbled: a vector holds what is no number");
}
