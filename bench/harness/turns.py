"""Scenario turns: agent turns in flight against a provider that takes its time, all bookkeeping on, beside the same work on
graphile-worker."""

import json
import math
import shutil
import subprocess
import time
import urllib.request

from . import report, tables, usage
from .contenders import Contender, Worker

NAME = "turns"
WHAT = "1000 agent turns in flight, a provider that answers in 1 s: throughput against the ideal, memory, CPU a turn"

IN_FLIGHT = 1000
DELAY_MS = 1000
# Before the clock runs: connections, plans and Node's compiler are warm then, as in a worker that has been running for a while.
WARM_UP = IN_FLIGHT


class Provider:
    """bench_model_server at work."""

    def __init__(self, bench, delay_ms=DELAY_MS, *options):
        self.process = subprocess.Popen([bench.build / "bench" / "bench_model_server", "--delay-ms", str(delay_ms), *options],
                                        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        self.url = f"http://127.0.0.1:{int(self.process.stdout.readline())}"

    def stats(self):
        with urllib.request.urlopen(f"{self.url}/stats", timeout=10) as answer:
            return json.load(answer)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(30)


def prepare(connection, turns):
    """An organisation of a hundred people and a session a turn, so that no turn waits for another's lane."""
    tables.empty(connection)
    connection.query("TRUNCATE tenants, users, sessions_index, usage_events, trajectories CASCADE")
    connection.query(
        "INSERT INTO tenants (id, name, slug) VALUES ('00000000-0000-7000-8000-0000000000aa', 'Bench', 'bench');"
        "INSERT INTO users (handle, tenant_id) SELECT 'user-' || n, '00000000-0000-7000-8000-0000000000aa' FROM generate_series(1, 100) n;"
        "INSERT INTO user_roles (user_id, role_id, tenant_id) SELECT u.id, r.id, r.tenant_id FROM users u JOIN roles r ON r.name = 'member';"
        "INSERT INTO memories (user_id, tenant_id, content) SELECT u.id, u.tenant_id, 'Memory ' || n || ' of ' || u.handle "
        "FROM users u, generate_series(1, 20) n;"
        f"INSERT INTO sessions_index (session_id, user_id, tenant_id) SELECT CASE WHEN n > {turns} THEN 'warm-' ELSE 's-' END || n, u.id, u.tenant_id "
        f"FROM generate_series(1, {turns + WARM_UP}) n JOIN (SELECT id, tenant_id, row_number() OVER () - 1 AS place FROM users) u ON u.place = n % 100")
    for table in ("users", "sessions_index", "memories", "session_messages", "session_stream", "usage_events", "audit_log", "job_steps"):
        connection.query(f"VACUUM (ANALYZE) {table}")
    connection.query("CHECKPOINT")


# In a shuffled order would be no different: every session has one turn.
_PAYLOAD = ("jsonb_build_object('userId', s.user_id, 'sessionId', s.session_id, 'text', 'What is new in session ' || s.session_id || '?', "
            "'channel', 'bench', 'turnId', gen_random_uuid())")


def enqueue(connection, own, sessions):
    """Brings a turn for each session whose id begins so. Returns the moment just before the commit."""
    connection.query("BEGIN")
    if own:
        connection.query(f"INSERT INTO jobs (kind, payload) SELECT 'agent-turn', {_PAYLOAD} FROM sessions_index s WHERE s.session_id ^@ '{sessions}'")
    else:
        connection.query(f"SELECT graphile_worker.add_job('agent-turn', {_PAYLOAD}::json) FROM sessions_index s WHERE s.session_id ^@ '{sessions}'")
    began = time.monotonic()
    connection.query("COMMIT")
    return began


def answered(connection):
    return int(connection.value("SELECT count(*) FROM session_messages WHERE role = 'assistant'"))


def wait_until_serving(worker, sign):
    give_up = time.monotonic() + 60
    while time.monotonic() < give_up:
        if sign in worker.log.read_text(encoding="utf-8", errors="replace"):
            return
        if not worker.running():
            break
        time.sleep(0.05)
    raise worker.failure("did not start to serve")


def wait_until_answered(bench, connection, worker, provider, calls, own):
    give_up = time.monotonic() + bench.patience
    # The provider is asked first: a look at the table would cost the server a tenth of a core.
    while (made := provider.stats()["calls"]) < calls or unfinished(connection, own):
        if time.monotonic() > give_up or not worker.running():
            raise worker.failure(f"had answered {answered(connection)} of {calls} turns")
        time.sleep(0.1 if made < calls else 0.02)
    if answered(connection) < calls:
        raise worker.failure(f"answered {answered(connection)} of {calls} turns")


def measure(bench, connection, contender, turns):
    prepare(connection, turns)
    with Provider(bench) as provider:
        environment = {name: value.replace("{provider}", provider.url) for name, value in contender.environment.items()}
        log = bench.logs / f"{contender.name.replace(' ', '_')}.log"
        log.unlink(missing_ok=True)
        with Worker(contender.with_environment(contender.name, **environment), bench.server.url(), bench.logs) as worker:
            own = contender.name == "oiabd"
            wait_until_serving(worker, '"ready"' if own else "serving")
            enqueue(connection, own, "warm-")
            wait_until_answered(bench, connection, worker, provider, WARM_UP, own)
            server_cpu = usage.family_cpu_seconds(bench.server.process.pid)
            cpu = usage.cpu_seconds(worker.pid)
            began = enqueue(connection, own, "s-")
            wait_until_answered(bench, connection, worker, provider, WARM_UP + turns, own)
            seconds = time.monotonic() - began
            waves = math.ceil(turns / IN_FLIGHT)
            figures = {"turns_per_second": turns / seconds, "of_ideal": waves * DELAY_MS / 1000 / seconds,
                       "rss_mb": usage.peak_resident_mb(worker.pid),
                       "worker_ms_per_turn": (usage.cpu_seconds(worker.pid) - cpu) / turns * 1000,
                       "server_ms_per_turn": (usage.family_cpu_seconds(bench.server.process.pid) - server_cpu) / turns * 1000}
        stats = provider.stats()
    if stats["calls"] != WARM_UP + turns:
        raise SystemExit(f"{contender.name} asked the model {stats['calls']} times for {WARM_UP + turns} turns")
    return figures | {"most_in_flight": stats["most_in_flight"]}


def unfinished(connection, own):
    if own:
        return tables.unfinished(connection, "jobs") > 0
    return int(connection.value("SELECT count(*) FROM graphile_worker.jobs")) > 0


def find_contenders(bench):
    oiabd = bench.contenders("oiabd")[0].with_environment(
        "oiabd", OIABD_RUNTIME="direct", OIABD_LLM_BASE_URL="{provider}/v1", OIABD_LLM_MODEL="bench-1",
        OIABD_SLOTS=str(IN_FLIGHT), OIABD_LOG_FORMAT="json")
    peers = bench.root / "bench" / "peers"
    if not shutil.which("node") or not shutil.which("npm"):
        bench.say("    without node and npm graphile-worker is left out")
        return [oiabd]
    subprocess.run([peers / "setup"], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    graphile = Contender("graphile-worker", "graphile_worker.jobs", ("node", str(peers / "turns.mjs")),
                         "graphile-worker on Node, local queue and batched completion, 16 sessions",
                         environment={"PROVIDER": "{provider}", "IN_FLIGHT": str(IN_FLIGHT)})
    return [oiabd, graphile]


def run(bench):
    contenders = find_contenders(bench)
    turns = bench.scaled(16 * IN_FLIGHT)
    rounds = {contender.name: [] for contender in contenders}
    with bench.server.connect() as connection:
        for number in range(bench.rounds):
            for contender in contenders[number % 2:] + contenders[:number % 2]:
                one = measure(bench, connection, contender, turns)
                rounds[contender.name].append(one)
                bench.say(f"    round {number + 1} {contender.name}: {one['of_ideal']:.2f} of ideal, {one['rss_mb']:.0f} MB")
    figures = {name: {**report.medians(results), "rounds": results} for name, results in rounds.items()}
    bench.show(report.text_table(
        ["turns in flight", "turns/s", "of ideal", "RSS MB", "worker ms/turn", "server ms/turn", "most in flight"],
        [[name, f"{one['turns_per_second']:.0f}", f"{one['of_ideal']:.2f}", f"{one['rss_mb']:.0f}", f"{one['worker_ms_per_turn']:.2f}",
          f"{one['server_ms_per_turn']:.2f}", f"{one['most_in_flight']:.0f}"] for name, one in figures.items()]))
    bench.record(NAME, {"turns": turns, "in_flight": IN_FLIGHT, "answer_ms": DELAY_MS, "contenders": figures})
    return figures
