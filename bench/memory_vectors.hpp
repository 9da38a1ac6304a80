#pragma once
/// @file  Vectors that lie as those of an embedding model do: all have a direction in common, those of one topic
/// another, those about one matter a third, and the rest is their own. Deterministic: a seed makes the same vectors on
/// every run. One thread.

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace oiab::bench {

inline constexpr std::size_t kDimensions = 1536;
using Vector = std::vector<float>;

/// splitmix64: small, and good enough for data.
class Random {
public:
    explicit Random(std::uint64_t seed) noexcept : state_{seed} {}
    std::uint64_t next() noexcept {
        std::uint64_t z = (state_ += 0x9E3779B97F4A7C15U);
        z = (z ^ (z >> 30U)) * 0xBF58476D1CE4E5B9U;
        z = (z ^ (z >> 27U)) * 0x94D049BB133111EBU;
        return z ^ (z >> 31U);
    }
    std::size_t below(std::size_t limit) noexcept { return next() % limit; }

private:
    std::uint64_t state_;
};

class Vectors {
public:
    Vectors() : common_(kDimensions) {
        // Drawing from a table is twenty times as fast as making each number; nobody looks at single ones.
        Random random{1};
        gaussians_.resize(1U << 16U);
        for (float& value : gaussians_) {
            const double u = (static_cast<double>(random.next() >> 11U) + 1) / 9007199254740993.0;
            const double v = static_cast<double>(random.next() >> 11U) / 9007199254740992.0;
            value = static_cast<float>(std::sqrt(-2 * std::log(u)) * std::cos(6.283185307179586 * v));
        }
        common_ = noise(2);
        for (std::uint64_t topic = 0; topic < kTopics; ++topic) topics_.push_back(noise(1000 + topic));
    }

    /// What a memory says: one of a user's matters, which belongs to a topic that other users have, too. Cosine of
    /// unrelated memories 0.16, of one topic 0.36, about one matter 0.48.
    Vector memory(std::uint64_t topic, std::uint64_t matter, std::uint64_t memory) {
        return mixed(topic, matter, {{0.72F, noise(kMemorySeed + memory)}});
    }

    /// What somebody asks about that memory; its cosine with it is about 0.6.
    Vector question(std::uint64_t topic, std::uint64_t matter, std::uint64_t memory, std::uint64_t question) {
        return mixed(topic, matter, {{0.2F, noise(kMemorySeed + memory)}, {0.69F, noise(kQuestionSeed + question)}});
    }

    static constexpr std::uint64_t kTopics = 400;

private:
    struct Part {
        float weight;
        Vector vector;
    };
    static constexpr std::uint64_t kMatterSeed = 1ULL << 40U;
    static constexpr std::uint64_t kMemorySeed = 1ULL << 41U;
    static constexpr std::uint64_t kQuestionSeed = 1ULL << 42U;

    /// A random direction, of length 1 within a few per cent.
    Vector noise(std::uint64_t seed) {
        Random random{seed};
        Vector vector(kDimensions);
        for (std::size_t i = 0; i < kDimensions; i += 4) {
            std::uint64_t bits = random.next();
            for (std::size_t j = 0; j < 4; ++j, bits >>= 16U) vector[i + j] = gaussians_[bits & 0xFFFFU] * 0.0255155F;
        }
        return vector;
    }

    Vector mixed(std::uint64_t topic, std::uint64_t matter, const std::vector<Part>& own) {
        Vector sum(kDimensions);
        const Vector about = noise(kMatterSeed + matter);
        const Vector& subject = topics_.at(topic);
        double square = 0;
        for (std::size_t i = 0; i < kDimensions; ++i) {
            float value = 0.4F * common_[i] + 0.45F * subject[i] + 0.35F * about[i];
            for (const Part& part : own) value += part.weight * part.vector[i];
            sum[i] = value;
            square += static_cast<double>(value) * value;
        }
        const auto scale = static_cast<float>(1 / std::sqrt(square));
        for (float& value : sum) value *= scale;
        return sum;
    }

    std::vector<float> gaussians_;
    Vector common_;
    std::vector<Vector> topics_;
};

}  // namespace oiab::bench
