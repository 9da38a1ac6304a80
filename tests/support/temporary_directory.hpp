#pragma once
/// @file  A directory for one test, gone with it.

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>

namespace oiab::tests {

class TemporaryDirectory {
public:
    TemporaryDirectory() {
        std::string pattern = std::filesystem::temp_directory_path() / "oiabd-test-XXXXXX";
        if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error{"cannot make a temporary directory"};
        path_ = pattern;
    }
    TemporaryDirectory(const TemporaryDirectory&) = delete;
    TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
    ~TemporaryDirectory() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }

    [[nodiscard]] const std::string& path() const noexcept { return path_; }
    /// Writes a file in it. @returns its path.
    std::string write(const std::string& name, std::string_view text) const {
        const auto file = path_ + "/" + name;
        std::ofstream{file, std::ios::binary} << text;
        return file;
    }

private:
    std::string path_;
};

}  // namespace oiab::tests
