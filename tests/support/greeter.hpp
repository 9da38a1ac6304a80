#pragma once
/// @file  The example plugins/http_endpoint as a service at work. One owner thread.

#include <string>

#include "support/child_process.hpp"
#include "support/eventually.hpp"

namespace oiab::tests {

class Greeter {
public:
    /// Starts it and waits until it listens.
    /// @param address  as the example takes it: "127.0.0.1:0" for a free port, or the path of a unix socket
    explicit Greeter(const std::string& address)
        : child_{{"python3", std::string{OIAB_SOURCE_DIR} + "/plugins/http_endpoint/greeter.py", address}} {
        const std::string words = "listening on ";
        std::string said;
        eventually(
            std::chrono::seconds{30},
            [&] {
                said = child_.out();
                return said.starts_with(words) && said.find('\n') != std::string::npos;
            },
            "the example listens");
        address_ = said.substr(words.size(), said.find('\n') - words.size());
    }

    /// Where it listens: host and port, or the path.
    [[nodiscard]] const std::string& address() const noexcept { return address_; }

private:
    ChildProcess child_;
    std::string address_;
};

}  // namespace oiab::tests
