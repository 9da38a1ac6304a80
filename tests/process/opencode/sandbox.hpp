#pragma once
/// @file  An organisation whose turns run in a real opencode: rows, a daemon with short times, and the questions that
/// tests of the runtime ask about a turn. One test's own; the opencode server is shared.

#include <filesystem>
#include <fstream>
#include <memory>
#include <string>

#include "daemon.hpp"
#include "support/opencode_server.hpp"

namespace oiab::tests {

inline ScriptedAnswer say(std::vector<std::string> words) { return {std::move(words), {}, nlohmann::json::object()}; }
/// A tool call whose effect can be counted: each appends a line to the file.
inline ScriptedAnswer append_line(const std::string& file, const std::string& then = "true") {
    return {
        {}, "bash", {{"command", "echo done >> " + file + "; " + then}, {"description", "appends a line to a file"}}};
}
inline ScriptedAnswer write_file(const std::string& file) {
    return {{}, "write", {{"filePath", file}, {"content", "written"}}};
}

class Sandbox {
public:
    explicit Sandbox(OpencodeWorld& world = OpencodeWorld::shared()) : world_{world}, cli_{quick_cli(database_)} {
        tenant_ = database_.value("INSERT INTO tenants (name, slug) VALUES ('Contoso', 'contoso') RETURNING id");
        user_ = add_user("ada", "member");
        allow_tools(R"({"allowed": ["*"], "denied": []})");
        cli_.environment["OIABD_RUNTIME"] = "opencode";
        cli_.environment["OIABD_OPENCODE_URL"] = world.server.url();
        cli_.environment["OPENCODE_SERVER_PASSWORD"] = OpencodeServer::password();
        cli_.environment["OIABD_OPENCODE_DIRECTORY"] = world.server.home() + "/tenants/{tenant}";
        cli_.environment["OIABD_OPENCODE_LOCAL_DIRECTORY"] = world.server.home() + "/tenants/{tenant}";
        cli_.environment["OIABD_LEASE"] = "2s";
        cli_.environment["OIABD_POLL_INTERVAL"] = "200ms";
        cli_.environment["OIABD_RETRY_BASE"] = "200ms";
    }

    TestDatabase& database() noexcept { return database_; }
    Cli& cli() noexcept { return cli_; }
    ScriptedModel& model() noexcept { return world_.model; }
    OpencodeServer& server() noexcept { return world_.server; }
    [[nodiscard]] const std::string& tenant() const noexcept { return tenant_; }
    [[nodiscard]] const std::string& user() const noexcept { return user_; }
    [[nodiscard]] std::string directory() const { return world_.server.home() + "/tenants/" + tenant_; }

    std::string add_user(const std::string& handle, const std::string& role) {
        const auto id = database_.value("INSERT INTO users (handle, tenant_id) VALUES ($1, $2) RETURNING id",
                                        pqxx::params{handle, tenant_});
        database_.execute(
            "INSERT INTO user_roles (user_id, role_id, tenant_id) SELECT $1, id, tenant_id FROM roles "
            "WHERE tenant_id = $2 AND name = $3",
            pqxx::params{id, tenant_, role});
        return id;
    }
    /// What members may use.
    void allow_tools(const std::string& tools) {
        database_.execute(
            "UPDATE roles SET permissions = jsonb_set(permissions, '{tools}', $2::jsonb) WHERE tenant_id = $1 AND name "
            "= "
            "'member'",
            pqxx::params{tenant_, tools});
    }
    std::string add_session() {
        return database_.value(
            "INSERT INTO sessions_index (session_id, user_id, tenant_id, title) VALUES (gen_random_uuid()::text, $1, "
            "$2, "
            "'A session') RETURNING session_id",
            pqxx::params{user_, tenant_});
    }
    /// Enqueues a turn. @returns the job
    std::string turn(const std::string& session, const std::string& text = "Do it.", const std::string& user = {}) {
        return database_.value(
            "INSERT INTO jobs (kind, payload) VALUES ('agent-turn', jsonb_build_object('userId', $1::text, "
            "'sessionId', "
            "$2::text, 'text', $3::text)) RETURNING id",
            pqxx::params{user.empty() ? user_ : user, session, text});
    }
    std::unique_ptr<ChildProcess> start() { return cli_.start({}); }

    [[nodiscard]] std::string of_job(const std::string& job, const std::string& expression) {
        return database_.value("SELECT " + expression + " FROM jobs WHERE id = $1", pqxx::params{job});
    }
    void wait_until_final(const std::string& job, std::chrono::milliseconds bound = std::chrono::seconds{90}) {
        eventually(bound, [&] { return of_job(job, "status IN ('completed', 'failed')") == "t"; }, "the job is final");
        INFO(of_job(job, "coalesce(last_error, '')"));
    }
    /// The session's id in opencode, once a turn has kept it there.
    [[nodiscard]] std::string opencode_session(const std::string& job) {
        return of_job(job, "result ->> 'opencodeSession'");
    }
    [[nodiscard]] int lines(const std::string& file) const {
        std::ifstream stream{directory() + "/" + file};
        int count = 0;
        for (std::string line; std::getline(stream, line);) ++count;
        return count;
    }
    [[nodiscard]] bool has_file(const std::string& file) const {
        return std::filesystem::exists(directory() + "/" + file);
    }

    /// The turn of two model calls and one tool call was done once, whoever died in between.
    void check_done_once(const std::string& job, const std::string& session, const std::string& file) {
        INFO("last error: " << of_job(job, "coalesce(last_error, '')"));
        REQUIRE(of_job(job, "status") == "completed");
        CHECK(lines(file) == 1);
        int prompts = 0;
        for (const auto& message : server().messages(opencode_session(job))) {
            if (message.at("info").at("role") != "user") continue;
            ++prompts;
            CHECK(message.at("parts").size() == 1);
        }
        CHECK(prompts == 1);
        const auto count = [&](const std::string& what) {
            return database_.value("SELECT count(*) FROM " + what, pqxx::params{session});
        };
        CHECK(count("session_messages WHERE session_id = $1 AND role = 'user'") == "1");
        CHECK(count("session_messages WHERE session_id = $1 AND role = 'tool'") == "1");
        CHECK(count("session_messages WHERE session_id = $1 AND role = 'assistant' AND tool_calls IS NULL") == "1");
        CHECK(count("trajectories WHERE session_id = $1 AND jsonb_array_length(tools) = 1") == "1");
        CHECK(count("audit_log WHERE session_id = $1 AND action = 'tool.execute'") == "1");
        CHECK(count("audit_log WHERE session_id = $1 AND action = 'agent.complete'") == "1");
        CHECK(
            database_.value("SELECT string_agg(delta, '' ORDER BY position) FROM session_stream WHERE session_id = $1",
                            pqxx::params{session}) == of_job(job, "result ->> 'text'"));
    }
    /// Calls of the model that were charged for certain.
    [[nodiscard]] std::string charged_calls(const std::string& session) {
        return database_.value(
            "SELECT count(*) FROM usage_events WHERE session_id = $1 AND NOT uncertain AND input_tokens = 1000 AND "
            "output_tokens = 100",
            pqxx::params{session});
    }

private:
    OpencodeWorld& world_;
    TestDatabase database_;
    Cli cli_;
    std::string tenant_;
    std::string user_;
};

}  // namespace oiab::tests
