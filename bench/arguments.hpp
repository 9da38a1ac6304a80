#pragma once
/// @file  `--name value` pairs of a measuring program's command line, and the one way its main ends.

#include <cstdio>
#include <exception>
#include <map>
#include <stdexcept>
#include <string>

namespace oiab::bench {

class Arguments {
public:
    /// @throws std::runtime_error for anything but pairs
    Arguments(int argc, char** argv) {
        for (int i = 1; i < argc; i += 2) {
            const std::string name = argv[i];
            if (!name.starts_with("--") || i + 1 == argc)
                throw std::runtime_error{"expected pairs of --name value, at \"" + name + "\""};
            values_[name.substr(2)] = argv[i + 1];
        }
    }

    [[nodiscard]] std::string text(const std::string& name, const std::string& otherwise) const {
        const auto found = values_.find(name);
        return found == values_.end() ? otherwise : found->second;
    }
    [[nodiscard]] std::string required(const std::string& name) const {
        const auto found = values_.find(name);
        if (found == values_.end()) throw std::runtime_error{"--" + name + " is missing"};
        return found->second;
    }
    [[nodiscard]] long number(const std::string& name, long otherwise) const {
        const auto found = values_.find(name);
        return found == values_.end() ? otherwise : std::stol(found->second);
    }

private:
    std::map<std::string, std::string> values_;
};

/// Runs a program's body; an error becomes one line and exit code 1.
template <typename Body>
int program(int argc, char** argv, Body body) {
    try {
        body(Arguments{argc, argv});
        return 0;
    } catch (const std::exception& e) {
        std::fprintf(stderr, "%s: %s\n", argv[0], e.what());
        return 1;
    }
}

}  // namespace oiab::bench
