"""Scenario fleet: several processes on one queue against one, the same slots in all."""

import time
from contextlib import ExitStack

from . import chart, drain, peers, tables, usage
from .contenders import Failure, Worker

NAME = "fleet"
WHAT = "eight and 32 daemons on one queue against one, same slots in all"

# Processes and the slots of each; the same 64 in all. The peers do without the last: so many Nodes would only measure themselves.
FLEETS = {"one": (1, 64), "eight": (8, 8), "thirty-two": (32, 2)}


class _Jobs:
    """oiabd's work: how it is laid, waited for and checked."""
    sign = '"ready"'

    def set_up(self, contender, processes, slots):
        return contender.with_environment(f"oiabd × {processes}", OIABD_SLOTS=str(slots), OIABD_LOG_FORMAT="json")

    def clear(self, connection, _):
        tables.empty(connection)
        tables.settle_down(connection, "jobs")

    def lay(self, connection, _, count):
        tables.fill(connection, "jobs", count)
        connection.query("ANALYZE jobs")
        return tables.last_due(connection, "jobs")

    def wait_until_drained(self, bench, worker, connection, last):
        worker.wait_until_drained(connection, bench.patience, last)

    def check(self, connection, contender, count, *_):
        drain.check_once(contender, connection, count, kept=True)


class _PeersJobs:
    """The same of a peer."""
    sign = "serving"

    def set_up(self, contender, processes, slots):
        return contender.with_environment(f"{contender.name} × {processes}", SLOTS=str(slots), NUMBERS="1")

    def clear(self, connection, peer):
        peers.clear(peer, connection)
        peers.settle_down(peer, connection)

    def lay(self, connection, peer, count):
        peers.lay(peer, connection, count)
        queue = peers.QUEUES[peer.table]
        connection.query(f"ANALYZE {queue['table']}")
        connection.query(queue["wake"].format(count=count))
        return peers.last_laid(peer, connection)

    def wait_until_drained(self, bench, worker, connection, last):
        peers.wait_until_drained(bench, worker, connection, last)

    def check(self, connection, peer, count, processes, log):
        peers.check_once(peer, peers.QUEUES[peer.table], connection, count, log, processes=processes)


def _round(bench, contender, connection, count, processes, slots):
    """All of them are up before there is anything to do, so that starting them does not count; the jobs come in one commit."""
    jobs = _PeersJobs() if isinstance(contender, peers.Peer) else _Jobs()
    contender = jobs.set_up(contender, processes, slots)
    jobs.clear(connection, contender)
    log = Worker.log_of(contender, bench.logs)
    log.unlink(missing_ok=True)
    with ExitStack() as stack:
        workers = [stack.enter_context(Worker(contender, bench.server.url(), bench.logs)) for _ in range(processes)]
        give_up = time.monotonic() + bench.patience
        while log.read_text(encoding="utf-8", errors="replace").count(jobs.sign) < processes:
            if time.monotonic() > give_up or not all(one.running() for one in workers):
                raise workers[0].failure("did not start everywhere")
            time.sleep(0.02)
        connection.query("BEGIN")
        last = jobs.lay(connection, contender, count)
        before = usage.ServerMark.take(bench.server, connection)
        cpu = sum(usage.cpu_seconds(one.pid) for one in workers)
        began = time.monotonic()
        connection.query("COMMIT")
        jobs.wait_until_drained(bench, workers[0], connection, last)
        seconds = time.monotonic() - began
        workers[0].cpu = sum(usage.cpu_seconds(one.pid) for one in workers) - cpu
        for one in workers:
            one.note_peak()
        workers[0].peak_mb = sum(one.peak_mb for one in workers)
        after = usage.ServerMark.take(bench.server, connection)
        for one in workers:
            one.stop()
        commits = usage.ServerMark.take(bench.server, connection).since(before).commits
    jobs.check(connection, contender, count, processes, log.read_text(encoding="utf-8", errors="replace"))
    figures = usage.per_job(count, seconds, workers[0], after.since(before), commits)
    figures["dead_tuples"] = usage.dead_tuples(connection, contender.table)
    jobs.clear(connection, contender)
    return figures


def _label(who, fleet):
    processes, slots = FLEETS[fleet]
    return f"{who}{processes} × {slots} slots"


def run(bench):
    """Each is compared with one process of its own kind."""
    contenders = bench.contenders("oiabd") + peers.named(bench, *peers.TUNED)
    count = bench.scaled(200_000)
    fleets = {one.name: list(FLEETS)[:2] if isinstance(one, peers.Peer) else list(FLEETS) for one in contenders}
    results = {name: {fleet: [] for fleet in of_it} for name, of_it in fleets.items()}

    def rounds_of(contender, number):
        names = fleets[contender.name]
        turn = number % len(names)
        for fleet in names[turn:] + names[:turn]:
            one = _round(bench, contender, connection, count // 2 if isinstance(contender, peers.Peer) else count, *FLEETS[fleet])
            if number:  # the first round warms up
                results[contender.name][fleet].append(one)
                bench.say(f"    round {number}, {_label(contender.name + ', ', fleet)}: {one['jobs_per_second']:,.0f} jobs/s")

    with bench.server.connect() as connection:
        for number in range(bench.rounds + 1):
            for contender in contenders:
                if contender.name not in results:
                    continue
                try:
                    rounds_of(contender, number)
                except Failure as failure:
                    if contender.name == "oiabd":
                        raise
                    bench.failed(failure)
                    del results[contender.name]
    figures = {name: drain.compared(rounds, base="one") for name, rounds in results.items()}
    # The plain labels are oiabd's.
    rows = {_label("" if name == "oiabd" else f"{name}, ", fleet): one for name, of_it in figures.items() for fleet, one in of_it.items()}
    bench.show(drain.table_of(rows, "fleet"))
    bench.record(NAME, {"jobs": count, "fleets": figures.pop("oiabd"), "peers_jobs": count // 2, "peers": figures})
    chart.bars(bench.out / "fleet.svg", "processes on one queue, 64 slots in all, ratio to one of their kind", [
        chart.Bar(label, one["ratio"], one["ratio_lowest"], one["ratio_highest"]) for label, one in rows.items()], "×", own="")
