#include <fmt/format.h>

#include "config/value.hpp"
#include "core/timestamp.hpp"
#include "daemon/command_definitions.hpp"

namespace oiab::daemon {
namespace {

template <typename Id>
std::optional<Id> id_of(const std::string& option, const std::string& text) {
    if (text.empty()) return std::nullopt;
    const auto id = Id::parse(text);
    if (!id) throw CLI::ValidationError(fmt::format("{} must be a UUID, not {}", option, config::quote(text)));
    return id;
}

/// `enqueue` as it is written; what it means is found out once everything is there.
struct EnqueueText {
    std::string kind, payload = "{}", dedupe_key, run_at, delay, serial_key, tenant, user, timeout, wait_timeout;
    std::optional<int> max_attempts, priority;
    bool wait = false;
    std::string batch;
    std::optional<std::uint64_t> chunk;

    [[nodiscard]] EnqueueCommand meant() const;
};

EnqueueCommand EnqueueText::meant() const {
    EnqueueCommand command;
    auto& job = command.job;
    if (kind.empty() || kind.size() > 200) throw CLI::ValidationError("KIND must have 1 to 200 characters");
    job.kind = kind;
    command.payload_from_stdin = payload == "-";
    if (!command.payload_from_stdin) job.payload = payload;
    if (!dedupe_key.empty()) job.dedupe_key = dedupe_key;
    if (!serial_key.empty()) job.serial_key = serial_key;
    if (!run_at.empty()) {
        job.run_at = core::parse_timestamp(run_at);
        if (!job.run_at)
            throw CLI::ValidationError(
                fmt::format("--run-at must be a time such as 2026-01-31T12:00:00Z, not {}", config::quote(run_at)));
    }
    if (!delay.empty()) job.delay = duration_of("--delay", delay);
    if (!timeout.empty()) {
        job.timeout = std::chrono::ceil<std::chrono::seconds>(duration_of("--timeout", timeout));
        if (*job.timeout <= std::chrono::seconds::zero()) throw CLI::ValidationError("--timeout must be more than 0");
    }
    job.max_attempts = max_attempts;
    job.priority = priority;
    job.tenant_id = id_of<core::TenantId>("--tenant", tenant);
    job.user_id = id_of<core::UserId>("--user", user);
    command.wait = wait;
    if (!wait_timeout.empty()) command.wait_timeout = duration_of("--wait-timeout", wait_timeout);
    return command;
}

void define_job_list(CLI::App& jobs, Invocation& invocation) {
    struct Text {
        std::string status, kind, tenant, before;
        int limit = 50;
    };
    auto text = std::make_shared<Text>();
    auto* list =
        add_command(jobs, "list", "List jobs, newest first",
                    "Examples:\n  oiabd jobs list --status failed\n  oiabd jobs list --kind agent-turn --json");
    list->add_option("--status", text->status, "Only pending, running, completed or failed")
        ->type_name("STATUS")
        ->check(CLI::IsMember({"pending", "running", "completed", "failed"}));
    list->add_option("--kind", text->kind, "Only this kind")->type_name("KIND");
    list->add_option("--tenant", text->tenant, "Only jobs of this tenant")->type_name("UUID");
    list->add_option("--before", text->before, "Only jobs older than this one, for the next page")->type_name("ID");
    list->add_option("-n,--limit", text->limit, "At most so many")
        ->type_name("NUMBER")
        ->check(CLI::Range(1, 10'000))
        ->capture_default_str();
    list->callback([text, &invocation] {
        JobsListCommand command;
        if (!text->status.empty()) command.filter.status = core::parse_status(text->status);
        if (!text->kind.empty()) command.filter.kind = text->kind;
        command.filter.tenant_id = id_of<core::TenantId>("--tenant", text->tenant);
        command.filter.before = id_of<core::JobId>("--before", text->before);
        command.filter.limit = text->limit;
        invocation.command = command;
    });
}

void define_job_verb(CLI::App& jobs, Invocation& invocation, const std::string& name, JobVerb verb,
                     const std::string& summary) {
    auto ids = std::make_shared<std::vector<std::string>>();
    auto* command = add_command(jobs, name, summary);
    auto* option = command->add_option("ID", *ids, "The job's id")->type_name("")->required();
    if (verb == JobVerb::kShow || verb == JobVerb::kWhy) option->expected(1);
    command->callback([ids, verb, &invocation] {
        JobsCommand parsed{verb, {}};
        for (const auto& id : *ids) parsed.ids.push_back(job_id_of(id));
        invocation.command = parsed;
    });
}

void define_resolve(CLI::App& jobs, Invocation& invocation) {
    struct Text {
        std::string id, step, done;
        bool repeat = false;
    };
    auto text = std::make_shared<Text>();
    auto* resolve =
        add_command(jobs, "resolve", "Decide about a step whose effect is unknown",
                    "A step is unknown when its process died between the call to the outside world and the\n"
                    "record of its answer. Say what became of it, then `oiabd jobs retry ID`.");
    resolve->add_option("ID", text->id, "The job's id")->type_name("")->required();
    resolve->add_option("--step", text->step, "The step's name, as in `oiabd jobs show`")
        ->type_name("NAME")
        ->required();
    auto* done = resolve->add_option("--done", text->done, "It happened, and this is its result")->type_name("JSON");
    resolve->add_flag("--repeat", text->repeat, "It did not happen, or doing it again does no harm")->excludes(done);
    resolve->callback([text, done, &invocation] {
        if (!text->repeat && done->count() == 0) throw CLI::ValidationError("say either --done JSON or --repeat");
        ResolveCommand command{job_id_of(text->id), text->step, std::nullopt};
        if (!text->repeat) command.done = text->done;
        invocation.command = command;
    });
}

}  // namespace

void define_enqueue(CLI::App& app, Invocation& invocation) {
    auto text = std::make_shared<EnqueueText>();
    auto* enqueue = add_command(
        app, "enqueue", "Put a job into the queue and print its id, or many with --batch",
        "Examples:\n"
        "  oiabd enqueue noop '{\"sleepMs\": 100}' --wait\n"
        "  oiabd enqueue report '{\"month\": \"2026-01\"}' --dedupe-key report-2026-01 --delay 10min\n"
        "  generate-payload | oiabd enqueue import -\n"
        "  oiabd enqueue --batch jobs.jsonl\n\n"
        "A line of --batch is an object with the members kind, payload (any JSON), run_at, delay, dedupe_key,\n"
        "serial_key, priority, max_attempts, timeout, tenant and user, of which only kind must be there:\n"
        "  {\"kind\": \"mail\", \"payload\": {\"to\": 7}, \"delay\": \"10min\", \"dedupe_key\": \"mail-7\"}");
    auto* kind = enqueue->add_option("KIND", text->kind, "Which handler runs it");
    kind->type_name("");
    enqueue->add_option("PAYLOAD", text->payload, "JSON for the handler; - reads it from stdin")->type_name("");
    auto* run_at = enqueue->add_option("--run-at", text->run_at, "Not before this time (UTC unless it says otherwise)");
    run_at->type_name("TIME");
    enqueue->add_option("--delay", text->delay, "Not before so long from now")->type_name("DURATION")->excludes(run_at);
    enqueue->add_option("--dedupe-key", text->dedupe_key, "No second pending job with this key")->type_name("KEY");
    enqueue->add_option("--serial-key", text->serial_key, "Jobs with the same key run one at a time, in order")
        ->type_name("KEY");
    enqueue->add_option("--priority", text->priority, "Lower comes first (default 0)")
        ->type_name("NUMBER")
        ->check(CLI::Range(-32768, 32767));
    enqueue->add_option("--max-attempts", text->max_attempts, "How often it is tried (default 3)")
        ->type_name("NUMBER")
        ->check(CLI::Range(1, 1'000'000));
    enqueue->add_option("--timeout", text->timeout, "How long one attempt may take")->type_name("DURATION");
    enqueue->add_option("--tenant", text->tenant, "Whose job it is")->type_name("UUID");
    enqueue->add_option("--user", text->user, "Whose job it is")->type_name("UUID");
    auto* wait = enqueue->add_flag("-w,--wait", text->wait, "Wait for the outcome, print it, exit by it");
    enqueue->add_option("--wait-timeout", text->wait_timeout, "Wait no longer than this")
        ->type_name("DURATION")
        ->needs(wait);
    // What a line says for itself; told from the list before the batch's own options are in it.
    const auto of_one_job = enqueue->get_options([](const CLI::Option* option) {
        return option->get_positional() || option->check_lname("wait") || option->check_lname("wait-timeout") ||
               option->get_type_name() != "";
    });
    auto* batch = enqueue->add_option("--batch", text->batch,
                                      "Jobs from the JSON lines of FILE, or of stdin; all are enqueued or none");
    batch->type_name("FILE")->expected(0, 1);
    for (auto* option : of_one_job) batch->excludes(option);
    enqueue->add_option("--chunk", text->chunk, "With --batch: commit after every so many lines")
        ->type_name("NUMBER")
        ->check(CLI::Range(1, 1'000'000'000))
        ->needs(batch);
    enqueue->callback([text, kind, batch, &invocation] {
        if (batch->count() > 0) {
            invocation.command = EnqueueBatchCommand{text->batch, text->chunk};
            return;
        }
        if (kind->count() == 0) throw CLI::RequiredError("KIND");
        invocation.command = text->meant();
    });
}

void define_jobs(CLI::App& app, Invocation& invocation) {
    auto* jobs = add_command(app, "jobs", "Look at jobs and act on them");
    jobs->require_subcommand(1);
    define_job_list(*jobs, invocation);
    define_job_verb(*jobs, invocation, "show", JobVerb::kShow, "Show everything about one job");
    define_job_verb(*jobs, invocation, "why", JobVerb::kWhy, "Say why a job is not running");
    define_job_verb(*jobs, invocation, "retry", JobVerb::kRetry, "Put failed jobs back into the queue");
    define_job_verb(*jobs, invocation, "cancel", JobVerb::kCancel, "Cancel jobs, running ones as well");
    define_job_verb(*jobs, invocation, "delete", JobVerb::kDelete, "Delete jobs that are not running");
    define_resolve(*jobs, invocation);
}

}  // namespace oiab::daemon
