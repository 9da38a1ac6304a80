"""Other job workers, from npm (bench/peers): how their tables are filled, and what shows that they did every job exactly once.

They take part where node and npm are; without them the rest is measured, and a line says so."""

import json
import shutil
import subprocess
import time
from contextlib import contextmanager
from dataclasses import dataclass

from . import usage
from .contenders import Contender, Failure, Worker
from .produce import produce


@dataclass(frozen=True)
class Peer(Contender):
    share: float = 1.0  # of the jobs: a slow one gets fewer, for its rate a job is the same and the round is over sooner


# What belongs to a peer's schema: how `{count}` jobs are laid, how its table is found empty of work, and emptied. `add`: how a producer adds
# $1 jobs by the peer's own function, which wakes it; without, it takes no part where producers do.
_QUEUES = {
    "graphile_worker": {
        "fill": "INSERT INTO graphile_worker._private_jobs (task_id, payload, run_at) "
                "SELECT t.id, json_build_object('number', n, 'text', 'forty-five byte'), "
                "now() - ({count} - n) * interval '10 microseconds' "
                "FROM graphile_worker._private_tasks t, generate_series(1, {count}) n WHERE t.identifier = 'noop'",
        "add": "SELECT count(*) FROM graphile_worker.add_jobs(ARRAY(SELECT ROW('noop', json_build_object("
               "'number', nextval('bench.job_number'), 'text', 'forty-five byte'), NULL, NULL, NULL, NULL, NULL, NULL)"
               "::graphile_worker.job_spec FROM generate_series(1, $1::integer)))",
        "left": "SELECT 1 FROM graphile_worker._private_jobs LIMIT 1",
        "last": "SELECT max(id) FROM graphile_worker._private_jobs",
        "is_left": "SELECT 1 FROM graphile_worker._private_jobs WHERE id = {last}",
        "empty": "TRUNCATE graphile_worker._private_jobs",
        "settle": "VACUUM (ANALYZE) graphile_worker._private_jobs",
        "finished_once": None,  # its rows are deleted
    },
    "pgboss": {
        "fill": "INSERT INTO pgboss.job (name, data, start_after, created_on, policy, expire_seconds, deletion_seconds, keep_until, "
                "retry_limit, retry_delay, retry_backoff) "
                "SELECT q.name, jsonb_build_object('number', n, 'text', 'forty-five byte'), made, made, q.policy, "
                "q.expire_seconds, q.deletion_seconds, made + q.retention_seconds * interval '1 s', q.retry_limit, q.retry_delay, "
                "q.retry_backoff FROM pgboss.queue q, generate_series(1, {count}) n, "
                "LATERAL (SELECT now() - ({count} - n) * interval '10 microseconds' AS made) m WHERE q.name = 'noop'",
        "left": "SELECT 1 FROM pgboss.job WHERE name = 'noop' AND state < 'completed' LIMIT 1",
        "last": "SELECT quote_literal(id) FROM pgboss.job WHERE name = 'noop' ORDER BY created_on DESC LIMIT 1",
        "is_left": "SELECT 1 FROM pgboss.job WHERE name = 'noop' AND id = {last} AND state < 'completed'",
        "empty": "TRUNCATE pgboss.job",
        "settle": "VACUUM (ANALYZE) pgboss.job",
        "finished_once": "SELECT count(*) FROM pgboss.job WHERE name = 'noop' AND state = 'completed' AND retry_count = 0",
    },
}

# Jobs that a producer adds are numbered, too.
_NUMBERS = """
    SET client_min_messages = warning;
    DROP SEQUENCE IF EXISTS bench.job_number; CREATE SEQUENCE bench.job_number CACHE 500"""

_WHO = [
    # name, mode of worker.mjs, schema, share of the jobs, what
    ("graphile-worker", "graphile", "graphile_worker", 0.05, "graphile-worker, default settings: one at a time; deletes rows"),
    ("graphile-worker × 10", "graphile-10", "graphile_worker", 0.1, "graphile-worker, 10 at a time; deletes rows"),
    ("graphile-worker, tuned", "graphile-tuned", "graphile_worker", 1.0,
     "graphile-worker, 24 at a time, local queue of 500, completions and failures in batches; deletes rows"),
    ("pg-boss, tuned", "pg-boss", "pgboss", 1.0, "pg-boss, 3 workers, batches of 1000, fetches on while they are full; rows kept"),
]


def find(bench):
    """The peers, installed and their schemas laid; none, after a line that says why, where that cannot be."""
    for program in ("node", "npm"):
        if not shutil.which(program):
            bench.say(f"    the peers are left out: there is no {program} on the PATH (Node 20 or newer, with npm)")
            return []
    directory = bench.root / "bench" / "peers"
    for what, command in (("be installed", [directory / "setup"]), ("lay their schemas", ["node", directory / "worker.mjs", "prepare"])):
        answer = subprocess.run(command, env=bench.environment(), capture_output=True, text=True, check=False)
        if answer.returncode != 0:
            last = (answer.stderr.strip() or answer.stdout.strip()).splitlines()[-1:]
            bench.say(f"    the peers are left out: they could not {what}: {' '.join(last)}")
            return []
    return [Peer(name, schema, ("node", str(directory / "worker.mjs"), mode), what, share=share)
            for name, mode, schema, share, what in _WHO]


def measure(bench, peer, connection, count):
    """One peer, one round, with its share of the jobs; clock, rest and figures as in drain.measure."""
    queue = _QUEUES[peer.table]
    count = max(1000, int(count * peer.share))
    connection.query(queue["empty"])
    connection.query(queue["fill"].format(count=count))
    connection.query(queue["settle"])
    connection.query("CHECKPOINT")
    last = queue["is_left"].format(last=connection.value(queue["last"]))
    Worker.log_of(peer, bench.logs).unlink(missing_ok=True)
    before = usage.ServerMark.take(bench.server, connection)
    began = time.monotonic()
    with Worker(peer, bench.server.url(), bench.logs) as worker:
        give_up = began + bench.patience
        while connection.query(last) or connection.query(queue["left"]):
            worker.note_peak()
            if not worker.running() or time.monotonic() > give_up:
                raise worker.failure(f"did not do {count} jobs")
            time.sleep(0.005)
        seconds = time.monotonic() - began
        worker.cpu = usage.cpu_seconds(worker.pid)
        return _closed(bench, worker, connection, before, count, seconds)


def _closed(bench, worker, connection, before, count, seconds, unclocked=0):
    """Ends a round whose `count` jobs took `seconds` since `before`; `unclocked` more were done before. Leaves the peer's table empty.
    @returns the figures of drain.measure. @throws Failure unless each job was seen once."""
    peer = worker.contender
    queue = _QUEUES[peer.table]
    after = usage.ServerMark.take(bench.server, connection)
    worker.stop()
    commits = usage.ServerMark.take(bench.server, connection).since(before).commits
    check_once(peer, queue, connection, count + unclocked, worker.log.read_text(encoding="utf-8", errors="replace"))
    figures = usage.per_job(count, seconds, worker, after.since(before), commits)
    figures["dead_tuples"] = usage.dead_tuples(connection, peer.table)
    connection.query(queue["empty"])
    return figures


def can_sustain(peer):
    """Whether it is fast enough to take part with all of the jobs, and its producers' way of adding them is known here."""
    return peer.share == 1 and "add" in _QUEUES[peer.table]


def measure_sustained(bench, peer, connection, count):
    """One peer, one round of inserts of 500 rows and the drain at once, with all of the jobs."""
    queue = _QUEUES[peer.table]
    connection.query(queue["empty"])
    connection.query(_NUMBERS)
    Worker.log_of(peer, bench.logs).unlink(missing_ok=True)
    with Worker(peer, bench.server.url(), bench.logs) as worker:

        def wait_until_drained():
            give_up = time.monotonic() + bench.patience
            while connection.query(queue["left"]):
                worker.note_peak()
                if not worker.running() or time.monotonic() > give_up:
                    raise worker.failure(f"did not do {count} jobs")
                time.sleep(0.005)

        connection.query(queue["add"].replace("$1", "1"))
        wait_until_drained()  # it serves
        before, cpu = usage.ServerMark.take(bench.server, connection), usage.cpu_seconds(worker.pid)
        began = time.monotonic()
        produce(bench, count, batch=500, insert=queue["add"])
        wait_until_drained()
        seconds = time.monotonic() - began
        worker.cpu = usage.cpu_seconds(worker.pid) - cpu
        return _closed(bench, worker, connection, before, count, seconds, unclocked=1)


# How graphile-worker's latency is told: its own way to add a job, and what the handler wrote down first of all.
_STAMPED = {
    "insert": "SELECT id FROM graphile_worker.add_job('noop', "
              "json_build_object('number', nextval('bench.job_number'), 'text', '45 bytes'))",
    "started": "SELECT started_at FROM bench.stamps WHERE id = $1",
}
_STAMPS = """
    TRUNCATE graphile_worker._private_jobs;
    DROP TABLE IF EXISTS bench.stamps; CREATE TABLE bench.stamps (id bigint PRIMARY KEY, started_at bigint NOT NULL)"""


def stamping(bench):
    """graphile-worker with its default settings, for latency; none where it cannot take part."""
    return [Peer("graphile-worker", "graphile_worker", ("node", one.command[1], "graphile-stamps"), "graphile-worker, default settings")
            for one in bench.peers() if one.name == "graphile-worker"]


@contextmanager
def stamps(bench, peer, connection):
    """The peer at work on an empty queue. Yields the options with which the measuring producer adds its jobs."""
    connection.query(_NUMBERS)
    connection.query(_STAMPS)
    log = Worker.log_of(peer, bench.logs)
    log.unlink(missing_ok=True)
    with Worker(peer, bench.server.url(), bench.logs) as worker:
        first = connection.value(_STAMPED["insert"])
        give_up = time.monotonic() + 30
        while not connection.query(_STAMPED["started"].replace("$1", first)):
            if not worker.running() or time.monotonic() > give_up:
                raise worker.failure("ran nothing")
            time.sleep(0.02)
        yield _STAMPED
        # The producer has waited for each that it added.
        added = int(connection.value("SELECT count(*) FROM bench.stamps"))
        worker.stop()
    check_once(peer, _QUEUES[peer.table], connection, added, log.read_text(encoding="utf-8", errors="replace"))


def check_once(peer, queue, connection, count, log):
    """@throws Failure unless the peer's handler saw each job exactly once, and its table agrees."""
    said = [json.loads(line) for line in log.splitlines() if line.startswith("{")]
    if not said or said[-1] != {"ran": count, "distinct": count}:
        raise Failure(f"{peer.name}: {count} jobs once each were expected, it says {said[-1:] or 'nothing'}")
    if queue["finished_once"]:
        finished = int(connection.value(queue["finished_once"]))
        if finished != count:
            raise Failure(f"{peer.name}: {finished} of {count} rows are completed without a second try")


