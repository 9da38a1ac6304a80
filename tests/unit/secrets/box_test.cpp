#include "secrets/box.hpp"

#include <catch2/catch_test_macros.hpp>
#include <set>

#include "secrets/base64.hpp"

namespace {

using namespace oiab::secrets;

Key key_of(std::string_view hex) { return *Key::from_bytes(read_hex(hex)->view()); }

Iv iv_of(std::string_view hex) {
    Iv iv{};
    const auto bytes = read_hex(hex);
    std::ranges::copy(bytes->view(), iv.begin());
    return iv;
}

std::string box_of(std::string_view iv, std::string_view tag, std::string_view ciphertext) {
    return "v1:" + to_base64(read_hex(iv)->view()) + ":" + to_base64(read_hex(tag)->view()) + ":" +
           to_base64(read_hex(ciphertext)->view());
}

struct Vector {
    const char* key;
    const char* iv;
    const char* plain;
    const char* ciphertext;
    const char* tag;
};

// Test cases 13, 14 and 15 of the specification of GCM that NIST took over (SP 800-38D).
constexpr const char* kZeroKey = "0000000000000000000000000000000000000000000000000000000000000000";
constexpr Vector kVectors[] = {
    {kZeroKey, "000000000000000000000000", "", "", "530f8afbc74536b9a963b4f1c4cb738b"},
    {kZeroKey, "000000000000000000000000", "00000000000000000000000000000000", "cea7403d4d606b6e074ec5d3baf39d18",
     "d0d1c8a799996bf0265b98b5d48ab919"},
    {"feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308", "cafebabefacedbaddecaf888",
     "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657"
     "ba637b391aafd255",
     "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0a"
     "bcc9f662898015ad",
     "b094dac5d93471bdec1a502270e3cc6c"},
};

}  // namespace

TEST_CASE("box: gives the known answers of GCM, in the published form") {
    for (const auto& vector : kVectors) {
        const auto key = key_of(vector.key);
        const auto plain = read_hex(vector.plain);
        const auto expected = box_of(vector.iv, vector.tag, vector.ciphertext);
        CHECK(seal_with(key, iv_of(vector.iv), plain->view()) == expected);
        const auto opened = open(key, expected);
        REQUIRE(opened.has_value());
        CHECK(opened->view() == plain->view());
    }
}

TEST_CASE("box: what was sealed opens again, under a new IV each time") {
    const auto key = Key::make_random();
    std::set<std::string> seen;
    for (int i = 0; i < 100; ++i) {
        const auto sealed = seal(key, "sk-test-1234");
        CHECK(seen.insert(sealed).second);
        CHECK(is_box(sealed));
        CHECK(open(key, sealed)->view() == "sk-test-1234");
    }
    CHECK(seal(key, "sk-test").find("sk-test") == std::string::npos);
}

TEST_CASE("box: another key does not open it") {
    const auto sealed = seal(Key::make_random(), "sk-test");
    CHECK(open(Key::make_random(), sealed).error() == BoxError::kWrongKey);
}

TEST_CASE("box: a change of any bit is noticed") {
    const auto key = key_of(kVectors[2].key);
    const std::size_t sizes[] = {kIvBytes, kTagBytes, 64};
    for (std::size_t part = 0; part < 3; ++part) {
        for (std::size_t bit = 0; bit < sizes[part] * 8; ++bit) {
            std::string parts[] = {std::string{read_hex(kVectors[2].iv)->view()},
                                   std::string{read_hex(kVectors[2].tag)->view()},
                                   std::string{read_hex(kVectors[2].ciphertext)->view()}};
            parts[part][bit / 8] = static_cast<char>(parts[part][bit / 8] ^ (1 << (bit % 8)));
            const auto sealed = "v1:" + to_base64(parts[0]) + ":" + to_base64(parts[1]) + ":" + to_base64(parts[2]);
            CHECK(open(key, sealed).error() == BoxError::kWrongKey);
        }
    }
}

TEST_CASE("box: what has another form is no box, whatever stands in it") {
    const auto key = Key::make_random();
    const std::string iv = to_base64(std::string(12, 'i'));
    const std::string tag = to_base64(std::string(16, 't'));
    const std::string wrong[] = {"",
                                 "v1",
                                 "v1:",
                                 "v1::",
                                 "v1:::",
                                 "sk-plain-text",
                                 "v2:" + iv + ":" + tag + ":AAAA",
                                 "V1:" + iv + ":" + tag + ":AAAA",
                                 "v1:" + iv + ":" + tag,
                                 "v1:" + iv + ":" + tag + ":AAAA:",
                                 "v1:" + iv + ":" + tag + ":A",
                                 "v1:" + iv + ":" + tag + ":AA AA",
                                 "v1:" + iv + ":" + tag + ":AA\nAA",
                                 "v1:" + iv + ":" + tag + ":AB==",
                                 "v1:" + to_base64(std::string(16, 'i')) + ":" + tag + ":AAAA",
                                 "v1:" + iv + ":" + to_base64(std::string(12, 't')) + ":AAAA",
                                 " v1:" + iv + ":" + tag + ":AAAA"};
    for (const auto& text : wrong) {
        INFO(text);
        CHECK_FALSE(is_box(text));
        CHECK(open(key, text).error() == BoxError::kNotABox);
    }
}

TEST_CASE("base64: reads what it writes, and nothing that only looks like it") {
    CHECK(to_base64("") == "");
    CHECK(to_base64("f") == "Zg==");
    CHECK(to_base64("fo") == "Zm8=");
    CHECK(to_base64("foo") == "Zm9v");
    CHECK(to_base64("foobar") == "Zm9vYmFy");
    std::string bytes;
    for (int i = 0; i < 256; ++i) {
        bytes += static_cast<char>(i);
        CHECK(read_base64(to_base64(bytes))->view() == bytes);
    }
    CHECK(read_base64("-_8")->view() == read_base64("+/8=")->view());
    for (const char* text : {"Z", "Zg=", "Zg===", "=", "====", "Zh==", "Zm9=", "Z g=", "Zg==Zg==", "Zm9v\n"})
        CHECK_FALSE(read_base64(text).has_value());
}

TEST_CASE("secret text: keeps what it was given, and gives it on only whole") {
    SecretText secret{"short"};
    SecretText moved{std::move(secret)};
    CHECK(secret.empty());  // NOLINT(bugprone-use-after-move): that it is empty is the point
    CHECK(moved.view() == "short");
    moved = SecretText{"other"};
    CHECK(moved.view() == "other");
    std::string text = "sk-something-longer-than-a-short-string";
    const char* where = text.data();
    wipe(text);
    CHECK(text.empty());
    CHECK(std::string(where, 8) == std::string(8, '\0'));
}
