#include "plugin/executable.hpp"

#include <unistd.h>

#include <boost/asio/this_coro.hpp>
#include <cstdlib>
#include <filesystem>
#include <string_view>
#include <utility>

#include "plugin/child.hpp"
#include "plugin/executable_run.hpp"
#include "plugin/job_document.hpp"

namespace oiab::plugin {
namespace {

namespace asio = boost::asio;

bool is_executable(const std::filesystem::path& path) {
    std::error_code error;
    return std::filesystem::is_regular_file(path, error) && access(path.c_str(), X_OK) == 0;
}

/// The program's absolute path, looked up in our PATH where its name has no slash; empty where there is none.
std::filesystem::path find_program(const std::string& name) {
    if (name.find('/') != std::string::npos) {
        return is_executable(name) ? std::filesystem::absolute(name) : std::filesystem::path{};
    }
    const char* const path = std::getenv("PATH");
    std::string_view folders = path == nullptr ? "/usr/local/bin:/usr/bin:/bin" : path;
    while (!folders.empty()) {
        const auto end = std::min(folders.find(':'), folders.size());
        const auto candidate = std::filesystem::path{folders.substr(0, end)} / name;
        if (is_executable(candidate)) return std::filesystem::absolute(candidate);
        folders.remove_prefix(std::min(folders.size(), end + 1));
    }
    return {};
}

std::vector<std::string> environment_of(const ExecutableSettings& settings, const Attempt& attempt) {
    const core::Job& job = attempt.job();
    std::vector<std::string> environment;
    const auto set = [&](const std::string& name, const std::string& value) {
        // A NUL would cut the value short; only a serial or dedupe key could hold one, and PostgreSQL's text cannot.
        environment.push_back(name + "=" + value);
    };
    for (const auto& [name, value] : settings.environment) set(name, value);
    set("OIAB_JOB_ID", job.id.to_string());
    set("OIAB_KIND", job.kind);
    set("OIAB_ATTEMPT", std::to_string(job.attempt));
    set("OIAB_MAX_ATTEMPTS", std::to_string(job.max_attempts));
    if (job.tenant_id) set("OIAB_TENANT_ID", job.tenant_id->to_string());
    if (job.user_id) set("OIAB_USER_ID", job.user_id->to_string());
    if (attempt.deadline().at() != core::Deadline::never().at()) {
        const auto left = std::chrono::ceil<std::chrono::seconds>(attempt.deadline().left());
        set("OIAB_TIMEOUT_SECONDS", std::to_string(left.count()));
    }
    return environment;
}

class ExecutableHandler final : public Handler {
public:
    explicit ExecutableHandler(ExecutableSettings settings) : settings_{std::move(settings)} {}

    asio::awaitable<core::Outcome> run(Attempt& attempt) override {
        ChildSettings child_settings{settings_.command, environment_of(settings_, attempt), settings_.directory,
                                     job_document(attempt.job(), attempt.deadline()) + "\n"};
        auto child = Child::start(child_settings);
        child_settings.input.clear();
        if (!child) co_return core::retry("the program could not be started: " + child.error());
        ExecutableRun run{attempt, settings_, std::move(*child), co_await asio::this_coro::executor};
        co_return co_await run.follow();
    }

private:
    const ExecutableSettings settings_;
};

}  // namespace

std::expected<std::shared_ptr<Handler>, std::string> make_executable_handler(ExecutableSettings settings) {
    if (settings.command.empty()) return std::unexpected{std::string{"a handler's command is empty"}};
    const auto program = find_program(settings.command.front());
    if (program.empty()) {
        return std::unexpected{"the program " + settings.command.front() +
                               " of a handler does not exist or may not be executed"};
    }
    settings.command.front() = program;
    return std::make_shared<ExecutableHandler>(std::move(settings));
}

}  // namespace oiab::plugin
