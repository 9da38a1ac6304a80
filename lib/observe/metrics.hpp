#pragma once
/// @file  Figures for monitoring, in Prometheus's text form. Handed to the services by reference, as the log is; one a
/// process. Thread-safe.

#include <map>
#include <memory>
#include <string>
#include <vector>

namespace oiab::observe {

/// One value of a gauge, and the labels that tell it from the gauge's other values.
struct Sample {
    std::map<std::string, std::string> labels;
    double value = 0;
};

/// A figure that goes up and down: one value, or one for each set of labels. Copies are the same gauge. Must not be
/// used once its Metrics is gone.
class Gauge {
public:
    /// The one value, without labels.
    void set(double value);
    /// These are all values from now on; what is not among them disappears. Whatever bytes the labels' values hold, the
    /// text stays well formed.
    void replace(const std::vector<Sample>& samples);

private:
    friend class Metrics;
    struct Kept;
    explicit Gauge(Kept* kept) : kept_{kept} {}
    Kept* kept_;  // nullptr: nobody keeps it
};

class Metrics {
public:
    Metrics();
    Metrics(Metrics&&) noexcept;
    Metrics& operator=(Metrics&&) = delete;
    ~Metrics();
    /// Keeps nothing, and its gauges cost a comparison: for a process whose figures nobody asks for.
    [[nodiscard]] static Metrics discarding();

    /// A gauge, not shown before it has a value. Each name once; `help` is one sentence.
    [[nodiscard]] Gauge gauge(const std::string& name, const std::string& help);

    /// Everything in the text exposition format, version 0.0.4: what a scrape is answered with. Empty where nothing is
    /// kept. Never blocks for longer than a gauge's change takes.
    [[nodiscard]] std::string render() const;

private:
    struct Registry;
    explicit Metrics(std::unique_ptr<Registry> registry) noexcept;
    std::unique_ptr<Registry> registry_;
};

}  // namespace oiab::observe
