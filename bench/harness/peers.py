"""Other job workers, from npm (bench/peers): how their tables are filled, and what shows that they did every job exactly once.

They take part where node and npm are; without them the rest is measured, and a line says so."""

import base64
import json
import shutil
import subprocess
import time
from contextlib import contextmanager
from dataclasses import dataclass, replace

from . import usage
from .contenders import Contender, Failure, Worker
from .produce import produce


@dataclass(frozen=True)
class Peer(Contender):
    share: float = 1.0  # of the jobs: a slow one gets fewer, for its rate a job is the same and the round is over sooner
    keeps: bool = True  # its rows, when they are completed

    def working(self, name, mode=None, **environment):
        """The same peer in another mode of worker.mjs, or otherwise set up."""
        return replace(self, name=name, command=(*self.command[:2], mode or self.command[2]), environment={**self.environment, **environment})


_TEXT = "'text', 'forty-five byte'"


def _boss_insert(number, count, made="now()"):
    """Rows as pg-boss's own insert() makes them."""
    return ("INSERT INTO pgboss.job (name, data, start_after, created_on, policy, expire_seconds, deletion_seconds, keep_until, "
            "retry_limit, retry_delay, retry_backoff) "
            f"SELECT q.name, jsonb_build_object('number', {number}, {{rest}}), made, made, q.policy, "
            "q.expire_seconds, q.deletion_seconds, made + q.retention_seconds * interval '1 s', q.retry_limit, q.retry_delay, "
            f"q.retry_backoff FROM pgboss.queue q, generate_series(1, {count}) n, LATERAL (SELECT {made} AS made) m WHERE q.name = 'noop'")


_BOSS_ADD = _boss_insert("nextval('bench.job_number')", "$1::integer").format(rest=_TEXT)
# What its insert() tells the workers of a queue with `notify`.
_BOSS_NOTIFY = "pg_notify('pgboss_' || left(encode(sha224('pgboss'), 'hex'), 24), 'noop')"

# What belongs to a peer's schema: how `{count}` jobs are laid, with `{rest}` in their payload; how a producer adds $1 jobs, which wakes the
# peer, and one job whose id it reads; what wakes it where `{count}` were laid; how the table is found empty of work.
QUEUES = {
    "graphile_worker": {
        "fill": "INSERT INTO graphile_worker._private_jobs (task_id, payload, run_at) "
                "SELECT t.id, json_build_object('number', n, {rest}), "
                "now() - ({count} - n) * interval '10 microseconds' "
                "FROM graphile_worker._private_tasks t, generate_series(1, {count}) n WHERE t.identifier = 'noop'",
        "add": "SELECT count(*) FROM graphile_worker.add_jobs(ARRAY(SELECT ROW('noop', json_build_object("
               f"'number', nextval('bench.job_number'), {_TEXT}), NULL, NULL, NULL, NULL, NULL, NULL)"
               "::graphile_worker.job_spec FROM generate_series(1, $1::integer)))",
        "add_one": f"SELECT id FROM graphile_worker.add_job('noop', json_build_object('number', nextval('bench.job_number'), {_TEXT}))",
        "left": "SELECT 1 FROM graphile_worker._private_jobs LIMIT 1",
        "last": "SELECT max(id) FROM graphile_worker._private_jobs",
        "is_left": "SELECT 1 FROM graphile_worker._private_jobs WHERE id = {last}",
        "wake": "SELECT pg_notify('jobs:insert', json_build_object('r', random(), 'count', {count})::text)",
        "table": "graphile_worker._private_jobs",
        "rows": "SELECT count(*) FROM graphile_worker._private_jobs",
    },
    "pgboss": {
        "fill": _boss_insert("n", "{count}", "now() - ({count} - n) * interval '10 microseconds'"),
        "add": f"WITH added AS ({_BOSS_ADD} RETURNING id) SELECT count(*), {_BOSS_NOTIFY} FROM added",
        "add_one": f"WITH added AS ({_BOSS_ADD.replace('$1', '1')} RETURNING id) SELECT id, {_BOSS_NOTIFY} FROM added",
        "left": "SELECT 1 FROM pgboss.job WHERE name = 'noop' AND state < 'completed' LIMIT 1",
        "last": "SELECT quote_literal(id) FROM pgboss.job WHERE name = 'noop' ORDER BY created_on DESC LIMIT 1",
        "is_left": "SELECT 1 FROM pgboss.job WHERE name = 'noop' AND id = {last} AND state < 'completed'",
        "wake": f"SELECT {_BOSS_NOTIFY}",
        "table": "pgboss.job",
        "rows": "SELECT count(*) FROM pgboss.job WHERE name = 'noop'",
        "finished_once": "SELECT count(*) FROM pgboss.job WHERE name = 'noop' AND state = 'completed' AND retry_count = 0",
    },
}

# Jobs that a producer adds are numbered, too.
_NUMBERS = """
    SET client_min_messages = warning;
    DROP SEQUENCE IF EXISTS bench.job_number; CREATE SEQUENCE bench.job_number CACHE 500"""

_WHO = [
    # name, mode of worker.mjs, schema, share of the jobs, whether it keeps rows, what
    ("graphile-worker", "graphile", "graphile_worker", 0.05, False, "graphile-worker, default settings: one at a time; deletes rows"),
    ("graphile-worker × 10", "graphile-10", "graphile_worker", 0.1, False, "graphile-worker, 10 at a time; deletes rows"),
    ("graphile-worker, tuned", "graphile-tuned", "graphile_worker", 1.0, False,
     "graphile-worker, 24 at a time, local queue of 500, completions and failures in batches; deletes rows"),
    ("pg-boss, tuned", "pg-boss", "pgboss", 1.0, True,
     "pg-boss, 3 workers, batches of 1000, notified, fetches on while they are full; rows kept"),
]
TUNED = ("graphile-worker, tuned", "pg-boss, tuned")


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
    return [Peer(name, schema, ("node", str(directory / "worker.mjs"), mode), what, share=share, keeps=keeps)
            for name, mode, schema, share, keeps, what in _WHO]


def named(bench, *names):
    """Those of the peers that have one of the names; fewer or none where they cannot take part."""
    return [peer for peer in bench.peers() if peer.name in names]


def deleting(bench):
    """The fast ones, rows deleted on completion."""
    return [replace(peer.working("pg-boss, deletes", "pg-boss-deletes"), keeps=False) if peer.keeps else peer for peer in named(bench, *TUNED)]


def clear(peer, connection):
    """Empties its table, as a round finds and leaves it."""
    connection.query(f"TRUNCATE {QUEUES[peer.table]['table']}")


def lay(peer, connection, count, rest=_TEXT):
    """Adds jobs without telling the peer, the numbers from 1 on. `rest`: of each payload, as SQL."""
    connection.query(QUEUES[peer.table]["fill"].format(count=count, rest=rest))


def settle_down(peer, connection):
    connection.query(f"VACUUM (ANALYZE) {QUEUES[peer.table]['table']}")
    connection.query("CHECKPOINT")


def last_laid(peer, connection):
    """The question whether the job that will be done last is left, which costs next to nothing."""
    queue = QUEUES[peer.table]
    return queue["is_left"].format(last=connection.value(queue["last"]))


def wait_until_drained(bench, worker, connection, last=None):
    """Returns when nothing is left; `last` is asked before the table as a whole is. @throws Failure if that takes too long."""
    give_up = time.monotonic() + bench.patience
    left = QUEUES[worker.contender.table]["left"]
    while last and connection.query(last) or connection.query(left):
        worker.note_peak()
        if not worker.running() or time.monotonic() > give_up:
            raise worker.failure("did not do all jobs")
        time.sleep(0.005)
    worker.note_peak()


def measure(bench, peer, connection, count, rest=_TEXT):
    """One peer, one round, with its share of the jobs; clock, rest and figures as in drain.measure. `rest`: of each payload, as SQL."""
    count = max(1000, int(count * peer.share))
    clear(peer, connection)
    lay(peer, connection, count, rest)
    settle_down(peer, connection)
    last = last_laid(peer, connection)
    Worker.log_of(peer, bench.logs).unlink(missing_ok=True)
    before = usage.ServerMark.take(bench.server, connection)
    began = time.monotonic()
    with Worker(peer, bench.server.url(), bench.logs) as worker:
        wait_until_drained(bench, worker, connection, last)
        seconds = time.monotonic() - began
        worker.cpu = usage.cpu_seconds(worker.pid)
        return closed(bench, worker, connection, before, count, seconds)


def closed(bench, worker, connection, before, count, seconds, unclocked=0):
    """Ends a round whose `count` jobs took `seconds` since `before`; `unclocked` more were done before. Leaves the peer's table empty.
    @returns the figures of drain.measure. @throws Failure unless each job was seen once."""
    after = usage.ServerMark.take(bench.server, connection)
    commits, log = _stopped(bench, worker, connection, before)
    check_once(worker.contender, QUEUES[worker.contender.table], connection, count + unclocked, log)
    return _figures(connection, worker, count, seconds, after.since(before), commits)


def closed_early(bench, worker, connection, before, count, seconds):
    """The same for a round that may have been ended with some of its `count` jobs left.
    @returns the figures, and how many were done."""
    after = usage.ServerMark.take(bench.server, connection)
    commits, log = _stopped(bench, worker, connection, before)
    done = sum(one.get("ran", 0) for one in said(log))
    check_once(worker.contender, QUEUES[worker.contender.table], connection, done, log, left=count - done)
    return _figures(connection, worker, done, seconds, after.since(before), commits), done


def _stopped(bench, worker, connection, before):
    worker.stop()
    return (usage.ServerMark.take(bench.server, connection).since(before).commits,
            worker.log.read_text(encoding="utf-8", errors="replace"))


def _figures(connection, worker, count, seconds, used, commits):
    figures = usage.per_job(count, seconds, worker, used, commits)
    figures["dead_tuples"] = usage.dead_tuples(connection, worker.contender.table)
    clear(worker.contender, connection)
    return figures


def measure_sustained(bench, peer, connection, count):
    """One peer, one round of inserts of 500 rows and the drain at once, with all of the jobs."""
    add = QUEUES[peer.table]["add"]
    clear(peer, connection)
    settle_down(peer, connection)
    connection.query(_NUMBERS)
    Worker.log_of(peer, bench.logs).unlink(missing_ok=True)
    with Worker(peer, bench.server.url(), bench.logs) as worker:
        connection.query(add.replace("$1", "1"))
        wait_until_drained(bench, worker, connection)  # it serves
        before, cpu = usage.ServerMark.take(bench.server, connection), usage.cpu_seconds(worker.pid)
        began = time.monotonic()
        produce(bench, count, batch=500, insert=add)
        wait_until_drained(bench, worker, connection)
        seconds = time.monotonic() - began
        worker.cpu = usage.cpu_seconds(worker.pid) - cpu
        return closed(bench, worker, connection, before, count, seconds, unclocked=1)


_STAMPS = """
    DROP TABLE IF EXISTS bench.stamps; CREATE TABLE bench.stamps (id text PRIMARY KEY, started_at bigint NOT NULL)"""


def stamping(bench):
    """The peers for latency, one job at a time, which write down when a job was started: graphile-worker with its default settings, pg-boss with those and
    notifications; none where they cannot take part."""
    return [peer.working(name, mode, STAMPS="1") for peer, name, mode in
            [(peer, "graphile-worker", None) for peer in named(bench, "graphile-worker")] +
            [(peer, "pg-boss, notified", "pg-boss-one") for peer in named(bench, "pg-boss, tuned")]]


@contextmanager
def stamps(bench, peer, connection):
    """A stamping peer at work on an empty queue. Yields its worker, and the options with which the measuring producer adds its jobs and
    finds the stamps."""
    queue = QUEUES[peer.table]
    clear(peer, connection)
    settle_down(peer, connection)
    connection.query(_NUMBERS)
    connection.query(_STAMPS)
    Worker.log_of(peer, bench.logs).unlink(missing_ok=True)
    with Worker(peer, bench.server.url(), bench.logs) as worker:
        first = connection.value(queue["add_one"])
        give_up = time.monotonic() + 30
        while not connection.query(f"SELECT 1 FROM bench.stamps WHERE id = '{first}'"):
            if not worker.running() or time.monotonic() > give_up:
                raise worker.failure("ran nothing")
            time.sleep(0.02)
        yield worker, {"insert": queue["add_one"], "started": "SELECT started_at FROM bench.stamps WHERE id = $1"}
        worker.stop()
    # The producer has waited for each that it added.
    check_once(peer, queue, connection, stamped(connection), worker.log.read_text(encoding="utf-8", errors="replace"))
    clear(peer, connection)


def stamped(connection):
    return int(connection.value("SELECT count(*) FROM bench.stamps"))


def said(log):
    """What the peers said in their log in JSON: {"mark", "seconds"} while they worked, {"ran", "distinct"} at the end."""
    return [json.loads(line) for line in log.splitlines() if line.startswith("{")]


def check_once(peer, queue, connection, count, log, left=0, processes=1):
    """@throws Failure unless the peer's handler saw each of `count` jobs exactly once, and its table agrees, where `left` more were not
    done. Of several processes each has said which numbers it saw."""
    ends = [one for one in said(log) if "ran" in one]
    ran = sum(one["ran"] for one in ends)
    distinct = sum(one["distinct"] for one in ends)
    if processes > 1:
        numbers = 0
        for one in ends:
            numbers |= int.from_bytes(base64.b64decode(one["numbers"]), "little")
        distinct = numbers.bit_count()
    if len(ends) != processes or ran != count or distinct != count:
        raise Failure(f"{peer.name}: {count} jobs once each were expected; {len(ends)} of {processes} processes say that {ran} ran, {distinct} of them distinct")
    if peer.keeps:
        finished = int(connection.value(queue["finished_once"]))
        if finished != count:
            raise Failure(f"{peer.name}: {finished} of {count} rows are completed without a second try")
    else:
        rows = int(connection.value(queue["rows"]))
        if rows != left:
            raise Failure(f"{peer.name}: {rows} rows are there instead of {left}, where each is deleted on completion")
