"""Scenario snapshot: what a transaction that stays open costs those who work beside it."""

import time

from . import chart, drain, peers, report, tables, usage
from .contenders import Failure, Worker
from .libpq import Connection

NAME = "snapshot"
WHAT = "drain under a held REPEATABLE READ snapshot: last against first, in batches and with one slot"


def _tenths(connection, since):
    """Jobs a second of each tenth of what was finished since, in the order in which it was."""
    count = int(connection.value(f"SELECT count(*) FROM jobs WHERE finished_at > '{since}'"))
    return [count / 10 / float(seconds) for seconds, in connection.query(
        "SELECT extract(epoch FROM max(finished_at) - min(finished_at)) FROM (SELECT finished_at, "
        "ntile(10) OVER (ORDER BY finished_at) AS tenth FROM jobs "
        f"WHERE finished_at > '{since}') t GROUP BY tenth ORDER BY tenth")]


def _hold(holder):
    holder.query("BEGIN ISOLATION LEVEL REPEATABLE READ")
    holder.query("SELECT count(*) FROM workers")


def _own(bench, count, few):
    """oiabd in batches, the last tenth of the drain against the first, and with one slot, a drain after it against one before it."""
    oiabd, = bench.contenders("oiabd")
    one_slot = oiabd.with_environment("oiabd, one slot", OIABD_SLOTS="1")
    done = 0
    with bench.server.connect() as connection, Connection(bench.server.url()) as holder:

        def drained(contender, number):
            nonlocal done
            tables.fill(connection, "jobs", number)
            tables.settle_down(connection, "jobs")
            done += number
            last, since = tables.last_due(connection, "jobs"), tables.first_due(connection, "jobs")
            before = usage.ServerMark.take(bench.server, connection)
            began = time.monotonic()
            with Worker(contender, bench.server.url(), bench.logs) as worker:
                # The look for the end walks past no finished row: that would take longer than the work. The count afterwards tells.
                worker.wait_until_drained(connection, bench.patience, last, since=since)
                seconds = time.monotonic() - began
                after = usage.ServerMark.take(bench.server, connection)
                worker.stop()
                commits = usage.ServerMark.take(bench.server, connection).since(before).commits
            drain.check_once(contender, connection, done, kept=True)
            figures = usage.per_job(number, seconds, worker, after.since(before), commits)
            return figures | {"dead_tuples": usage.dead_tuples(connection, "jobs")}

        tables.empty(connection)
        drained(one_slot, few)  # warms up, and leaves statistics of a table in use
        tables.empty(connection)
        done = 0
        _hold(holder)
        first = drained(one_slot, few)
        began_at = connection.value("SELECT clock_timestamp()")
        batched = drained(oiabd, count)
        curve = _tenths(connection, began_at)
        last = drained(one_slot, few)
        holder.query("ROLLBACK")
        tables.empty(connection)
    return {"batched": batched, "tenths": curve, "first": first, "last": last}


def tenths_of(marks):
    """Jobs a second of each tenth of what [(jobs done, second)] tell; the first of them is where the work began."""
    steps = len(marks) - 1
    if steps < 10:
        raise Failure(f"too little was done to tell tenths of it: {marks[-1:]}")
    bounds = [marks[steps * tenth // 10] for tenth in range(11)]
    return [(jobs - former) / max(1e-6, second - began) for (former, began), (jobs, second) in zip(bounds, bounds[1:])]


def _marks(log):
    return [(one["mark"], one["seconds"]) for one in peers.said(log.read_text(encoding="utf-8", errors="replace")) if "mark" in one]


def _peer(bench, peer, count, patience):
    """A peer under a snapshot of its own, until all is done or `patience` seconds are over; its own log tells when, for a look at its
    table would walk past everything that is dead."""
    peer = peer.with_environment(peer.name, MARKS=str(count // 100))
    with bench.server.connect() as connection, Connection(bench.server.url()) as holder:
        peers.clear(peer, connection)
        peers.lay(peer, connection, count)
        peers.settle_down(peer, connection)
        _hold(holder)
        log = Worker.log_of(peer, bench.logs)
        log.unlink(missing_ok=True)
        before = usage.ServerMark.take(bench.server, connection)
        began = time.monotonic()
        with Worker(peer, bench.server.url(), bench.logs) as worker:
            while time.monotonic() - began < patience and not any(done == count for done, _ in _marks(log)):
                if not worker.running():
                    raise worker.failure("ended before the work did")
                time.sleep(0.05)
            if time.monotonic() - began < patience:
                peers.wait_until_drained(bench, worker, connection)  # the last outcomes are written
            seconds = time.monotonic() - began
            worker.note_peak()
            worker.cpu = usage.cpu_seconds(worker.pid)
            figures, done = peers.closed_early(bench, worker, connection, before, count, seconds)
        # The first jobs were fetched while nothing else was under way, and their fetch is before the first mark.
        curve = tenths_of([mark for mark in _marks(log) if mark[0] >= count // 20])
        holder.query("ROLLBACK")
    return {"jobs": count, "done": done, "patience_seconds": patience, **figures, "last_to_first": curve[-1] / curve[0], "tenths": curve}


def own_medians(rounds, count, few):
    """One drain lasts a minute or more, in which the machine drifts as much as the goal is about: medians of several."""
    one_slot = [one["last"]["jobs_per_second"] / one["first"]["jobs_per_second"] for one in rounds]
    return {"batched": {"jobs": count, **report.medians([one["batched"] for one in rounds]), **_medians_of_tenths(rounds)},
            "one_slot": {"jobs": few, **{when: report.medians([one[when] for one in rounds]) for when in ("first", "last")},
                         **report.with_range("last_to_first", one_slot)}}


def _medians_of_tenths(rounds):
    curves = [one["tenths"] for one in rounds]
    return {**report.with_range("last_to_first", [curve[-1] / curve[0] for curve in curves]),
            "tenths": [report.median(tenth) for tenth in zip(*curves)], "rounds": curves}


def _peer_medians(rounds):
    numbers = [{name: value for name, value in one.items() if name != "tenths"} for one in rounds]
    return report.medians(numbers) | _medians_of_tenths(rounds)


def run(bench):
    """A REPEATABLE READ transaction open throughout, so that nothing that was finished can be vacuumed away. The peers have a tenth of
    the jobs, and two minutes."""
    count, few = bench.scaled(2_000_000), bench.scaled(50_000)
    own_rounds = []
    others = {peer.name: (peer, []) for peer in peers.named(bench, *peers.TUNED)}
    for number in range(1, bench.rounds + 1):
        own_rounds.append(_own(bench, count, few))
        curve = own_rounds[-1]["tenths"]
        bench.say(f"    round {number}, oiabd: {curve[0]:,.0f} to {curve[-1]:,.0f} jobs/s")
        for peer, rounds in list(others.values()):
            try:
                rounds.append(_peer(bench, peer, max(2000, count // 1000 * 100), 30 if bench.quick else 120))
            except Failure as failure:
                bench.failed(failure)
                del others[peer.name]
    own = own_medians(own_rounds, count, few)
    others = {name: _peer_medians(rounds) for name, (_, rounds) in others.items()}
    batched, one_slot = own["batched"], own["one_slot"]
    rows = [("oiabd, tenths of a drain", f"{count:,}", batched["tenths"][0], batched["tenths"][-1], batched),
            ("oiabd, one slot, before and after it", f"{few:,}", one_slot["first"]["jobs_per_second"],
             one_slot["last"]["jobs_per_second"],
             one_slot["last"] | {key: value for key, value in one_slot.items() if key.startswith("last_to_first")})]
    rows += [(f"{name}, tenths", f"{one['done']:,.0f} of {one['jobs']:,.0f}", one["tenths"][0], one["tenths"][-1], one) for name, one in others.items()]
    bench.show(report.text_table(
        ["held snapshot", "jobs", "first jobs/s", "last jobs/s", "last / first", "lowest", "highest", "worker µs/job", "server µs/job",
         "WAL B/job", "commits/job", "dead tuples", "RSS MB"],
        [[label, number, f"{low:,.0f}", f"{high:,.0f}", f"{one['last_to_first']:.2f}", f"{one['last_to_first_lowest']:.2f}",
          f"{one['last_to_first_highest']:.2f}", f"{one['worker_cpu_us']:.1f}",
          f"{one['server_cpu_us']:.1f}", f"{one['wal_bytes']:.0f}", f"{one['commits']:.4f}", f"{one['dead_tuples']:,.0f}",
          f"{one['peak_rss_mb']:.0f}"] for label, number, low, high, one in rows]))
    bench.record(NAME, {**own, "peers": others})
    curves = {"oiabd": (count, batched["tenths"]), **{name: (one["done"], one["tenths"]) for name, one in others.items()}}
    chart.lines(bench.out / "snapshot.svg", "drain under a held snapshot",
                {name: [((tenth + 1) * done / 10, speed) for tenth, speed in enumerate(curve)] for name, (done, curve) in curves.items()},
                "jobs done", "jobs/s")
