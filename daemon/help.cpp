#include "daemon/help.hpp"

namespace oiab::daemon {

std::string overview() {
    return R"(oiabd - runs the jobs of a PostgreSQL table

usage: oiabd [flags]                     the service: runs jobs until it is told to stop
       oiabd --once [--kind KIND]... [--job ID] [--dry-run]
                                         one job in the foreground, its outcome as JSON
       oiabd COMMAND [arguments] [flags]

First steps:
  export OIABD_DATABASE_URL=postgresql://me@localhost/mydb
  oiabd migrate                          make the tables
  oiabd --diagnostics &                  start the service, with the kind `noop` for trying
  oiabd enqueue noop '{"sleepMs": 100}' --wait
  oiabd jobs list

Commands:
  enqueue KIND [PAYLOAD|-]     put a job into the queue; --wait follows it to its outcome
  enqueue --batch [FILE]       many at once, as JSON lines from a file or stdin
  jobs list                    list jobs: --status, --kind, --tenant, --limit
  jobs show ID                 everything about one job
  jobs why ID                  why it is not running, in one sentence
  jobs retry ID...             put failed jobs back into the queue
  jobs cancel ID...            cancel jobs, running ones as well
  jobs delete ID...            delete jobs that are not running
  jobs resolve ID --step NAME  decide about a step whose effect is unknown
  pause, resume                keep jobs from starting: --kind KIND, --tenant UUID, --all
  triggers list|next|fire      what makes jobs by itself; when a cron expression fires
  skills list|show             what agents have learnt: --status, --tenant
  skills promote|deprecate ID  offer a skill to agents, or retire it; --by USER
  workers                      who works, and on what
  migrate [--check]            bring the schema up to date, or say what would change
  provider add|list|test|remove
                               model providers of users, tenants and the installation
  keyring init|rotate|status   the keys that encrypt providers' credentials
  config show|check|example    what is in force and why; a file that explains itself
  healthcheck                  for containers: is a worker of this host alive?
  completion bash|zsh|fish     completions for your shell
  version                      show the version

Common flags:
  -c, --config FILE            configuration file (default /etc/oiabd/oiabd.toml if there is one)
  --json                       answer in JSON, for programs
  --database-url URL           the database; a password is better kept in the environment or a file
  --kinds A,B,...              take only these kinds
  --slots NUMBER               run so many jobs at a time (default 64)
  --log-level LEVEL            debug, info, warning or error
  --log-format FORM            auto, text, json or journald
  -h, --help                   this; after a command: help on it
  --help-all                   every command and every setting

Environment: each setting is a variable too: `lease` is OIABD_LEASE. A flag wins over the environment, that
over the file. OIABD_CONFIG names the file; DATABASE_URL serves where nothing else names a database.

Exit codes, the same for every command:
  0  done; the job completed           3  nothing to do, or no such job (migrate --check: something would change)
  1  an error: configuration, database  4  the job failed for good, or was cancelled
  2  the command line makes no sense   5  the job is back to pending, or has not finished in time
)";
}

}  // namespace oiab::daemon
