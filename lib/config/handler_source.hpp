#pragma once
/// @file  Handlers that configuration brings in: which kinds, and where their code is. Read by whoever fills the
/// registry. Values; any thread.

#include <cstddef>
#include <map>
#include <string>
#include <variant>
#include <vector>

namespace oiab::config {

/// A program, one process an attempt.
struct ExecutableSource {
    std::vector<std::string> command;  ///< program and arguments, never through a shell
    /// The child's whole environment besides OIAB_*; names that were listed without a value carry ours.
    std::map<std::string, std::string> environment;
    std::string directory;             ///< working directory; empty: ours
    std::size_t max_output = 1 << 20;  ///< bytes of result, and of stderr, that are kept
};

/// A shared library with the C ABI of oiab_plugin.h.
struct LibrarySource {
    std::string path;
};

/// An endpoint that takes the job by POST.
struct HttpSource {
    std::string url;
    std::string unix_socket;  ///< path of the socket to connect to; empty: the URL's host
    std::map<std::string, std::string> headers;
    std::size_t max_output = 1 << 20;  ///< bytes of the answer that are read
};

/// One table [handlers."<pattern>"]. Timeouts and backoff of its kinds are in Settings::kind_settings.
struct HandlerSource {
    std::string pattern;  ///< an exact kind, or a prefix that ends in `*`
    std::variant<ExecutableSource, LibrarySource, HttpSource> way;
    std::string origin;  ///< file and line, for messages
};

}  // namespace oiab::config
