#include "pg/session.hpp"

#include <fmt/format.h>
#include <libpq-fe.h>
#include <sys/socket.h>

#include <map>
#include <mutex>
#include <optional>
#include <pqxx/connection>
#include <pqxx/except>
#include <pqxx/nontransaction>
#include <unordered_set>

#include "pg/database_error.hpp"
#include "pg/trouble.hpp"

namespace oiab::pg {
namespace {

using Options = std::map<std::string, std::string>;

/// Splits a connection string or URI into options. @throws DatabaseError when libpq cannot read it.
Options parse_url(const std::string& url) {
    char* error = nullptr;
    PQconninfoOption* parsed = PQconninfoParse(url.c_str(), &error);
    if (parsed == nullptr) {
        // libpq's sentence may quote the string, password included, so only its kind is told.
        if (error != nullptr) PQfreemem(error);
        throw DatabaseError{Trouble::kRefused, "",
                            "database_url is neither a postgresql:// URI nor a libpq connection string"};
    }
    Options options;
    for (const auto* option = parsed; option->keyword != nullptr; ++option)
        if (option->val != nullptr && option->val[0] != '\0') options[option->keyword] = option->val;
    PQconninfoFree(parsed);
    return options;
}

void set_unless_given(Options& options, const char* key, std::string value) { options.emplace(key, std::move(value)); }

Options connection_options(const SessionSettings& settings) {
    auto options = parse_url(settings.url);
    using std::chrono::ceil;
    using std::chrono::seconds;
    // libpq counts whole seconds and takes anything below two as two.
    set_unless_given(options, "connect_timeout", fmt::format("{}", ceil<seconds>(settings.connect_timeout).count()));
    set_unless_given(options, "application_name", settings.application_name);
    // After a failover the old primary may answer as a standby; state must be read from the primary alone.
    set_unless_given(options, "target_session_attrs", "read-write");
    // A peer that vanished without a word is noticed within this time instead of the system's hours.
    set_unless_given(options, "keepalives_idle", "30");
    set_unless_given(options, "keepalives_interval", "5");
    set_unless_given(options, "keepalives_count", "3");
    set_unless_given(options, "tcp_user_timeout", fmt::format("{}", settings.connect_timeout.count() * 3));
    return options;
}

/// The options as libpq reads them: every value in quotes, quotes and backslashes in it escaped.
std::string connection_string(const Options& options) {
    std::string text;
    for (const auto& [key, value] : options) {
        text += key + "='";
        for (const char character : value) {
            if (character == '\'' || character == '\\') text += '\\';
            text += character;
        }
        text += "' ";
    }
    return text;
}

}  // namespace

struct Session::State {
    SessionSettings settings;
    std::unique_ptr<pqxx::connection> connection;
    std::unordered_set<const char*> prepared;
    // The watch runs on another thread; the mutex keeps it from shutting down a descriptor that has just been closed
    // and given to somebody else.
    std::mutex watch;
    int descriptor = -1;
    std::optional<core::SteadyTime> busy_since;
    bool cut_for_good = false;
};

Session::Session(SessionSettings settings) : state_{std::make_unique<State>()} {
    state_->settings = std::move(settings);
}

Session::~Session() { discard(); }

void Session::connect() {
    if (state_->connection) return;
    const auto& settings = state_->settings;
    const Busy busy{*this};
    try {
        // Not pqxx's constructor for a map: a libpqxx that was built as C++17, such as Debian 13's, has none.
        state_->connection = std::make_unique<pqxx::connection>(connection_string(connection_options(settings)));
        // Before the first statement: a server that accepts and then hangs must not hold it for ever.
        publish(state_->connection->sock());
        state_->connection->set_notice_handler([](pqxx::zview) noexcept {});
        if (settings.prepare == Prepare::kAuto) {
            // Compiling a plan never pays for statements of a millisecond, so JIT stays off.
            auto statements =
                fmt::format("SET statement_timeout = {}; SET lock_timeout = {}; SET TimeZone = 'UTC'; SET jit = off",
                            settings.statement_timeout.count(), settings.lock_timeout.count());
            for (const auto& [name, value] : settings.parameters)
                statements += fmt::format("; SET {} = {}", name, value);
            pqxx::nontransaction{*state_->connection}.exec(statements);
        }
    } catch (const pqxx::failure&) {
        discard();
        throw_translated(Moment::kConnecting);
    } catch (...) {  // whatever it was: a connection without its settings must not be used
        discard();
        throw;
    }
}

/// From now on the watch may shut the connection down. The time that connecting took is not the statement's.
void Session::publish(int descriptor) {
    const std::scoped_lock lock{state_->watch};
    state_->descriptor = descriptor;
    state_->busy_since = std::chrono::steady_clock::now();
    if (state_->cut_for_good) ::shutdown(descriptor, SHUT_RDWR);
}

bool Session::is_connected() const noexcept { return state_->connection != nullptr; }

void Session::discard() noexcept {
    {
        const std::scoped_lock lock{state_->watch};
        state_->descriptor = -1;
    }
    state_->prepared.clear();
    state_->connection.reset();
}

pqxx::connection& Session::connection() {
    connect();
    return *state_->connection;
}

bool Session::prepared(const Statement& statement) {
    if (state_->settings.prepare == Prepare::kOff) return false;
    auto& connection = this->connection();
    if (!state_->prepared.contains(statement.name)) {
        connection.prepare(statement.name, statement.text);
        state_->prepared.insert(statement.name);
    }
    return true;
}

bool Session::cut_if_overstaying(std::chrono::steady_clock::duration limit) noexcept {
    const std::scoped_lock lock{state_->watch};
    if (!state_->busy_since || state_->descriptor < 0) return false;
    if (std::chrono::steady_clock::now() - *state_->busy_since < limit) return false;
    return ::shutdown(state_->descriptor, SHUT_RDWR) == 0;
}

void Session::cut_for_good() noexcept {
    const std::scoped_lock lock{state_->watch};
    state_->cut_for_good = true;
    if (state_->descriptor >= 0) ::shutdown(state_->descriptor, SHUT_RDWR);
}

Session::Busy::Busy(Session& session) noexcept : session_{session} {
    const std::scoped_lock lock{session_.state_->watch};
    is_outermost_ = !session_.state_->busy_since;
    if (is_outermost_) session_.state_->busy_since = std::chrono::steady_clock::now();
}

Session::Busy::~Busy() {
    if (!is_outermost_) return;
    const std::scoped_lock lock{session_.state_->watch};
    session_.state_->busy_since.reset();
}

const SessionSettings& Session::settings() const noexcept { return state_->settings; }

}  // namespace oiab::pg
