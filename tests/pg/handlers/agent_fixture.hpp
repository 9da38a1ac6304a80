#pragma once
/// @file  An organisation on a database of its own, an engine that runs the built-in handlers there, and models that
/// say what the test scripts. For tests of the handlers, one thread each.

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <functional>
#include <mutex>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "clients/offline_embedder.hpp"
#include "handlers/builtin.hpp"
#include "support/engine_fixture.hpp"

namespace oiab::tests {

using clients::ChatAnswer;
using clients::ChatMessage;
using clients::ChatRequest;
using clients::ModelError;
using clients::ModelErrorClass;
using ChatReply = std::expected<ChatAnswer, ModelError>;

inline ChatReply say(std::string text, std::int64_t input = 10, std::int64_t output = 5) {
    ChatAnswer answer;
    answer.content = std::move(text);
    answer.finish_reason = "stop";
    answer.model = "scripted-1";
    answer.usage = clients::Usage{input, output, 0};
    return answer;
}

inline ChatReply use_tool(std::string name, std::string arguments, std::string id = "call-1") {
    ChatAnswer answer;
    answer.tool_calls.push_back({std::move(id), std::move(name), std::move(arguments)});
    answer.finish_reason = "tool_calls";
    answer.model = "scripted-1";
    answer.usage = clients::Usage{10, 5, 0};
    return answer;
}

inline ChatReply refuse(ModelErrorClass kind, std::string message) {
    return std::unexpected{ModelError{kind, std::move(message), std::chrono::milliseconds{1}, 0}};
}

/// Answers each request by the test's script; the script may wait (a coroutine) and sees the requests one at a time.
class ScriptedChat final : public clients::ChatModel {
public:
    using Script = std::function<boost::asio::awaitable<ChatReply>(const ChatRequest&, int number)>;
    explicit ScriptedChat(Script script) : script_{std::move(script)} {}

    boost::asio::awaitable<ChatReply> complete(ChatRequest request, clients::OnDelta on_delta) override {
        int number = 0;
        {
            const std::scoped_lock lock{mutex_};
            requests_.push_back(request);
            number = static_cast<int>(requests_.size());
        }
        auto reply = co_await script_(request, number);
        if (reply && on_delta) on_delta(reply->content);
        co_return reply;
    }
    [[nodiscard]] std::string_view runtime() const noexcept override { return "scripted"; }

    [[nodiscard]] std::vector<ChatRequest> requests() const {
        const std::scoped_lock lock{mutex_};
        return requests_;
    }

private:
    Script script_;
    mutable std::mutex mutex_;
    std::vector<ChatRequest> requests_;
};

/// A script without waits.
inline std::shared_ptr<ScriptedChat> scripted(std::function<ChatReply(const ChatRequest&, int number)> script) {
    return std::make_shared<ScriptedChat>(
        [script = std::move(script)](const ChatRequest& request, int number) -> boost::asio::awaitable<ChatReply> {
            co_return script(request, number);
        });
}

class Organisation {
public:
    explicit Organisation(std::shared_ptr<clients::ChatModel> chat,
                          std::shared_ptr<clients::Embedder> embedder = std::make_shared<clients::OfflineEmbedder>(),
                          const std::function<void(agent::AgentSettings&)>& adjust = {},
                          std::shared_ptr<clients::DispatchPool> pool = nullptr,
                          std::shared_ptr<const agent::McpTools> mcp = nullptr,
                          const std::function<void(agent::AgentWorld&)>& furnish = {}) {
        auto world = std::make_shared<agent::AgentWorld>();
        world->chat = std::move(chat);
        world->embedder = std::move(embedder);
        world->mcp = std::move(mcp);
        world->settings.configured = {"test", "scripted-1"};
        world->settings.embedding_provider = "test";
        if (adjust) adjust(world->settings);
        if (furnish) furnish(*world);
        handlers::BuiltinSettings settings;
        settings.dispatch_pool = std::move(pool);
        settings.kind_settings = [](std::string_view) {
            KindSettings kind;
            kind.retry.base = std::chrono::milliseconds{10};
            return kind;
        };
        handlers::register_builtin(registry_, settings, world);
        tenant_ = database_.value("INSERT INTO tenants (name, slug) VALUES ('Contoso', 'contoso') RETURNING id");
        user_ = add_user("ada", "member");
        add_session("s1", user_);
    }

    TestDatabase& database() noexcept { return database_; }
    [[nodiscard]] const std::string& tenant() const noexcept { return tenant_; }
    [[nodiscard]] const std::string& user() const noexcept { return user_; }

    std::string add_user(const std::string& handle, const std::string& role) {
        const auto id = database_.value("INSERT INTO users (handle, tenant_id) VALUES ($1, $2) RETURNING id",
                                        pqxx::params{handle, tenant_});
        database_.execute(
            "INSERT INTO user_roles (user_id, role_id, tenant_id) SELECT $1, id, tenant_id FROM roles "
            "WHERE tenant_id = $2 AND name = $3",
            pqxx::params{id, tenant_, role});
        return id;
    }
    void add_session(const std::string& id, const std::string& user) {
        database_.execute("INSERT INTO sessions_index (session_id, user_id, tenant_id) VALUES ($1, $2, $3)",
                          pqxx::params{id, user, tenant_});
    }
    void add_memory(const std::string& content, const std::string& visibility = "private") {
        database_.execute("INSERT INTO memories (user_id, tenant_id, content, visibility) VALUES ($1, $2, $3, $4)",
                          pqxx::params{user_, tenant_, content, visibility});
    }

    /// The engine starts with the first job that is waited for, so a test prepares its rows in peace.
    void start() {
        if (!engine_) engine_ = std::make_unique<RunningEngine>(quick_settings(database_), registry_);
    }
    /// Gives back what runs, uncounted, as a daemon does that is told twice to stop.
    void stop() {
        static_cast<void>(engine_->stop(2));
        engine_.reset();
    }

    std::string enqueue(const std::string& kind, const nlohmann::json& payload, int max_attempts = 3) {
        return database_.value("INSERT INTO jobs (kind, payload, max_attempts) VALUES ($1, $2, $3) RETURNING id",
                               pqxx::params{kind, payload.dump(), max_attempts});
    }
    std::string enqueue_turn(const std::string& text, const std::string& session = "s1", int max_attempts = 3) {
        return enqueue("agent-turn", {{"userId", user_}, {"sessionId", session}, {"text", text}, {"channel", "test"}},
                       max_attempts);
    }
    /// Runs until the job is final. @returns "completed", "failed", …
    std::string finish(const std::string& job) {
        start();
        eventually(
            std::chrono::seconds{60}, [&] { return column(job, "finished_at IS NOT NULL") == "t"; },
            "job " + job + " is final");
        return column(job, "status");
    }
    std::string column(const std::string& job, const std::string& expression) {
        return database_.value("SELECT " + expression + " FROM jobs WHERE id = $1", pqxx::params{job});
    }
    nlohmann::json result(const std::string& job) { return nlohmann::json::parse(column(job, "result")); }

private:
    TestDatabase database_;
    Registry registry_;
    std::string tenant_;
    std::string user_;
    std::unique_ptr<RunningEngine> engine_;
};

}  // namespace oiab::tests
