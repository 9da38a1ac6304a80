#include "observe/open_log.hpp"

#include <fmt/format.h>
#include <spdlog/logger.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/ansicolor_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <syslog.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <cstdlib>
#include <vector>

#include "observe/log_line.hpp"
#include "observe/systemd.hpp"

namespace oiab::observe {
namespace {

spdlog::level::level_enum spdlog_level(Level level) {
    constexpr std::array kLevels{spdlog::level::debug, spdlog::level::info, spdlog::level::warn, spdlog::level::err};
    return kLevels[static_cast<std::size_t>(level)];
}

/// Lines through a logger of its own: spdlog's registry and default logger stay out of it.
class StreamSink : public LogSink {
public:
    StreamSink(spdlog::sink_ptr sink, const std::string& pattern) : logger_{"oiabd", std::move(sink)} {
        logger_.set_level(spdlog::level::trace);
        logger_.flush_on(spdlog::level::trace);
        logger_.set_formatter(
            std::make_unique<spdlog::pattern_formatter>(pattern, spdlog::pattern_time_type::local, "\n"));
        // A log that cannot be written has nobody left to be told.
        logger_.set_error_handler([](const std::string&) {});
    }

protected:
    spdlog::logger logger_;
};

class TextSink final : public StreamSink {
public:
    explicit TextSink(bool colours) : StreamSink{make(colours), "%H:%M:%S.%e %^%-7l%$ %v"} {}

    void write(Level level, std::string_view message, std::span<const Field> fields) noexcept override try {
        std::string line;
        append_text_line(line, message, fields);
        logger_.log(spdlog_level(level), spdlog::string_view_t{line});
    } catch (const std::exception&) {  // out of memory: the line is lost, the work goes on
    }

private:
    static spdlog::sink_ptr make(bool colours) {
        return std::make_shared<spdlog::sinks::ansicolor_stderr_sink_mt>(colours ? spdlog::color_mode::always
                                                                                 : spdlog::color_mode::never);
    }
};

class JsonSink final : public StreamSink {
public:
    explicit JsonSink(std::string worker)
        : StreamSink{std::make_shared<spdlog::sinks::stderr_sink_mt>(), "%v"}, worker_{std::move(worker)} {}

    void write(Level level, std::string_view message, std::span<const Field> fields) noexcept override try {
        std::string line;
        append_json_line(line, std::chrono::system_clock::now(), level, message, fields, worker_);
        logger_.log(spdlog_level(level), spdlog::string_view_t{line});
    } catch (const std::exception&) {  // out of memory: the line is lost, the work goes on
    }

private:
    std::string worker_;
};

/// One journal entry a line: MESSAGE for people, OIABD_JOB_ID and the like for `journalctl OIABD_JOB_ID=…`.
class JournalSink final : public LogSink {
public:
    explicit JournalSink(std::string worker) : worker_{std::move(worker)}, fallback_{false} {}

    void write(Level level, std::string_view message, std::span<const Field> fields) noexcept override try {
        constexpr std::array kPriorities{LOG_DEBUG, LOG_INFO, LOG_WARNING, LOG_ERR};
        std::string text{"MESSAGE="};
        append_text_line(text, message, fields);
        std::vector<std::string> entries{std::move(text),
                                         fmt::format("PRIORITY={}", kPriorities[static_cast<std::size_t>(level)]),
                                         "SYSLOG_IDENTIFIER=oiabd"};
        for (const auto& field : fields) entries.push_back(journal_name(field.key) + "=" + plain_value(field));
        if (!worker_.empty()) entries.push_back("OIABD_WORKER=" + worker_);
        std::vector<iovec> parts;
        for (auto& entry : entries) parts.push_back({entry.data(), entry.size()});
        if (!write_to_journal(parts)) fallback_.write(level, message, fields);
    } catch (const std::exception&) {  // out of memory: the line is lost, the work goes on
    }

private:
    static std::string journal_name(std::string_view key) {
        std::string name{"OIABD_"};
        for (const char c : key) name += c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
        return name;
    }

    std::string worker_;
    TextSink fallback_;
};

/// systemd tells in JOURNAL_STREAM which device and inode the journal's stream has; stderr may have been redirected
/// since.
bool stderr_is_the_journal() {
    const char* stream = std::getenv("JOURNAL_STREAM");
    struct stat status{};
    if (stream == nullptr || ::fstat(STDERR_FILENO, &status) != 0) return false;
    return fmt::format("{}:{}", status.st_dev, status.st_ino) == stream;
}

bool stderr_shows_colours() {
    if (::isatty(STDERR_FILENO) == 0 || std::getenv("NO_COLOR") != nullptr) return false;
    const char* terminal = std::getenv("TERM");
    return terminal != nullptr && std::string_view{terminal} != "dumb";
}

LogFormat resolved(LogFormat format) {
    if (format != LogFormat::kAuto) return format;
    if (stderr_is_the_journal()) return LogFormat::kJournald;
    return ::isatty(STDERR_FILENO) != 0 ? LogFormat::kText : LogFormat::kJson;
}

}  // namespace

Log open_log(Level least, LogFormat format, std::string default_worker) {
    switch (resolved(format)) {
        case LogFormat::kJson: return Log{least, std::make_shared<JsonSink>(std::move(default_worker))};
        case LogFormat::kJournald: return Log{least, std::make_shared<JournalSink>(std::move(default_worker))};
        default: return Log{least, std::make_shared<TextSink>(stderr_shows_colours())};
    }
}

}  // namespace oiab::observe
