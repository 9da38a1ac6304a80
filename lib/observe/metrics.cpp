#include "observe/metrics.hpp"

#include <prometheus/family.h>
#include <prometheus/gauge.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <algorithm>
#include <deque>
#include <mutex>
#include <utility>

#include "observe/utf8.hpp"

namespace oiab::observe {
namespace {

using Family = prometheus::Family<prometheus::Gauge>;

}  // namespace

struct Gauge::Kept {
    Family& family;
    std::mutex& mutex;
    std::vector<prometheus::Gauge*> values{};

    void replace(const std::vector<Sample>& samples) {
        for (auto* value : std::exchange(values, {})) family.Remove(value);
        for (const auto& sample : samples) {
            prometheus::Labels labels;
            // The library escapes what the format escapes. The rest must be UTF-8, or the whole text is refused.
            for (const auto& [name, value] : sample.labels) labels.emplace(name, to_valid_utf8(value));
            auto& value = family.Add(labels);
            value.Set(sample.value);
            // Labels that only broken bytes told apart: the last one counts, and is removed once.
            if (std::ranges::find(values, &value) == values.end()) values.push_back(&value);
        }
    }
};

void Gauge::set(double value) {
    if (kept_ == nullptr) return;
    const std::scoped_lock lock{kept_->mutex};
    kept_->replace({{.labels = {}, .value = value}});
}

void Gauge::replace(const std::vector<Sample>& samples) {
    if (kept_ == nullptr) return;
    const std::scoped_lock lock{kept_->mutex};
    kept_->replace(samples);
}

struct Metrics::Registry {
    /// The library's own locks cover a value each: what is replaced together is rendered together by this one.
    mutable std::mutex mutex;
    prometheus::Registry registry;
    std::deque<Gauge::Kept> gauges;  // which stay where they are
};

Metrics::Metrics() : Metrics{std::make_unique<Registry>()} {}
Metrics::Metrics(std::unique_ptr<Registry> registry) noexcept : registry_{std::move(registry)} {}
Metrics::Metrics(Metrics&&) noexcept = default;
Metrics::~Metrics() = default;

Metrics Metrics::discarding() { return Metrics{nullptr}; }

Gauge Metrics::gauge(const std::string& name, const std::string& help) {
    if (!registry_) return Gauge{nullptr};
    const std::scoped_lock lock{registry_->mutex};
    auto& family = prometheus::BuildGauge().Name(name).Help(help).Register(registry_->registry);
    return Gauge{&registry_->gauges.emplace_back(family, registry_->mutex)};
}

std::string Metrics::render() const {
    if (!registry_) return {};
    const auto families = [this] {
        const std::scoped_lock lock{registry_->mutex};
        return registry_->registry.Collect();
    }();
    return prometheus::TextSerializer{}.Serialize(families);
}

}  // namespace oiab::observe
