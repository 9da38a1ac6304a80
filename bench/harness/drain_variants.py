"""Scenarios that drain under other circumstances: rows deleted, larger payloads, several daemons, and tables that are full of
something else. Each is compared with the plain drain, or with its ideal, in the same run."""

import time
from contextlib import ExitStack
from types import SimpleNamespace

from . import chart, drain, peers, report, tables, usage
from .contenders import Failure, Worker
from .libpq import Connection


def _delete(bench):
    """Rows deleted on completion, against LIMIT, which keeps them. Of the peers the fast ones."""
    limit, oiabd = bench.contenders("LIMIT", "oiabd")
    deleting = oiabd.with_environment("oiabd, deletes", OIABD_DELETE_ON_COMPLETE="1")
    others = peers.deleting(bench)
    count = bench.scaled(200_000)
    with bench.server.connect() as connection:

        def measure(one):
            if one in others:
                return peers.measure(bench, one, connection, count)
            return drain.measure(bench, one, connection, count, kept=one is not deleting)

        results = drain.interleaved(bench, [limit, deleting, *others], bench.rounds, measure)
    figures = drain.compared(results)
    bench.show(drain.table_of(figures, "rows deleted"))
    bench.record("delete", {"jobs": count, "contenders": figures})
    drain.chart_of(bench.out / "delete.svg", f"{count:,} no-op jobs, rows deleted on completion", figures)


def _payload(bench):
    """Payloads of 1 KB and of 20 KB, against LIMIT with the same."""
    results = {}
    for size, count in ((1_000, bench.scaled(100_000)), (20_000, bench.scaled(20_000))):
        # Hex digits of a hash do not compress away.
        text = f"(SELECT string_agg(md5(i::text || n::text), '') FROM generate_series(1, {size // 32}) AS i)"
        payload = f"jsonb_build_object('text', {text})"
        with bench.server.connect() as connection:
            rounds = drain.interleaved(
                bench, bench.contenders("LIMIT", "oiabd"), min(2, bench.rounds),
                lambda one, n=count, p=payload: drain.measure(bench, one, connection, n, payload_sql=p))
        results[f"{size} bytes"] = drain.compared(rounds)
        bench.show(drain.table_of(results[f"{size} bytes"], f"payload of {size} bytes"))
        bench.record("payload", {"payloads": results})
    chart.bars(bench.out / "payload.svg", "drain with larger payloads, ratio to LIMIT with the same", [
        chart.Bar(size, one["oiabd"]["ratio"], one["oiabd"]["ratio_lowest"], one["oiabd"]["ratio_highest"])
        for size, one in results.items()], "× LIMIT", own="")


# What fills the table before the drain, as SQL; {n} is the number of rows. Future rows have run_at a day ahead.
_MANY = "INSERT INTO jobs ({columns}) SELECT {values} FROM generate_series(1, {n}) AS n"
BACKLOGS = {
    "future": (1_000_000, [("kind, run_at", "'noop', now() + interval '1 day' + n * interval '1 ms'")], []),
    "unhandled": (1_000_000, [("kind, run_at", "'nobody-handles-this', now() - interval '1 hour'")], []),
    "lanes": (100_000, [("kind, serial_key, run_at",
                         "'noop', 'stuck-' || (n % 2), now() - interval '1 hour' + n * interval '1 ms'")],
              # The heads of both lanes wait for tomorrow after an attempt, and hold their lanes.
              ["SELECT advance_lane('stuck-0'), advance_lane('stuck-1')",
               "UPDATE jobs SET run_at = now() + interval '1 day', attempts = 1, lease_epoch = 1 "
               "WHERE lane_ready AND serial_key IS NOT NULL"]),
    "paused": (1_000_000, [("kind, tenant_id, run_at",
                            "'noop', '00000000-0000-7000-8000-000000000001', now() - interval '1 hour'")], []),
    "finished": (10_000_000, [("kind, status, run_at, finished_at",
                               "'noop', 'completed', now() - interval '1 day', now() - interval '1 day'")], []),
}


def fill_backlog(bench, connection, name):
    count, inserts, afterwards = BACKLOGS[name]
    count = bench.scaled(count)
    tables.empty(connection)
    connection.query("DELETE FROM job_pauses")
    if name == "paused":
        connection.query("INSERT INTO job_pauses (scope, name) VALUES ('tenant', '00000000-0000-7000-8000-000000000001')")
    for columns, values in inserts:
        connection.query(_MANY.format(columns=columns, values=values, n=count))
    for statement in afterwards:
        connection.query(statement)
    return count


def _backlog(bench):
    """A table full of what may not run now, against the drain of an otherwise empty one just before and just after."""
    oiabd, = bench.contenders("oiabd")
    count = bench.scaled(200_000)
    repeats = 1 if bench.rounds == 1 else 2
    figures = {}
    with bench.server.connect() as connection:
        drain.measure(bench, oiabd, connection, count)  # warms up

        def alone():
            return drain.measure(bench, oiabd, connection, count)["jobs_per_second"]

        def above():
            tables.fill(connection, "jobs", count)
            tables.settle_down(connection, "jobs")
            one = drain.measure_filled(bench, oiabd, connection, count, among_others=True)
            connection.query("DELETE FROM jobs WHERE kind = 'noop' AND status = 'completed' AND attempts = 1")
            return one

        for name in BACKLOGS:
            before = alone()
            try:
                rows = fill_backlog(bench, connection, name)
                tables.settle_down(connection, "jobs")
                rounds = [above() for _ in range(repeats)]
            except Failure as failure:
                bench.failed(failure)
                continue
            finally:
                tables.empty(connection)
                connection.query("DELETE FROM job_pauses")
            base = report.median([before, alone()])
            ratios = [one["jobs_per_second"] / base for one in rounds]
            figures[name] = {"rows": rows, **report.medians(rounds), **report.with_range("ratio", ratios),
                             "alone_jobs_per_second": base, "rounds": rounds}
            bench.say(f"    {rows:,} rows {name}: {figures[name]['ratio']:.2f} of the drain of an otherwise empty table")
    bench.show(report.text_table(
        ["backlog", "rows", "jobs/s", "ratio to alone", "lowest", "highest", "worker µs/job", "server µs/job", "WAL B/job",
         "commits/job", "dead tuples", "RSS MB"],
        [[name, f"{one['rows']:,}", f"{one['jobs_per_second']:,.0f}", f"{one['ratio']:.2f}", f"{one['ratio_lowest']:.2f}",
          f"{one['ratio_highest']:.2f}", f"{one['worker_cpu_us']:.1f}", f"{one['server_cpu_us']:.1f}", f"{one['wal_bytes']:.0f}",
          f"{one['commits']:.4f}", f"{one['dead_tuples']:,.0f}", f"{one['peak_rss_mb']:.0f}"] for name, one in figures.items()]))
    bench.record("backlog", {"jobs": count, "backlogs": figures})
    chart.bars(bench.out / "backlog.svg", "drain above a backlog, ratio to an otherwise empty table",
               [chart.Bar(f"{one['rows']:,} {name}", one["ratio"], one["ratio_lowest"], one["ratio_highest"])
                for name, one in figures.items()], "×", own="")


def _tenths(connection, since):
    """Jobs a second of each tenth of what was finished since, in the order in which it was."""
    count = int(connection.value(f"SELECT count(*) FROM jobs WHERE finished_at > '{since}'"))
    return [count / 10 / float(seconds) for seconds, in connection.query(
        "SELECT extract(epoch FROM max(finished_at) - min(finished_at)) FROM (SELECT finished_at, "
        "ntile(10) OVER (ORDER BY finished_at) AS tenth FROM jobs "
        f"WHERE finished_at > '{since}') t GROUP BY tenth ORDER BY tenth")]


def _snapshot(bench):
    """A REPEATABLE READ transaction open throughout, so that nothing that was finished can be vacuumed away. In batches: the
    last tenth of the drain against the first. With one slot: a drain after it against one before it."""
    count, few = bench.scaled(2_000_000), bench.scaled(50_000)
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
        holder.query("BEGIN ISOLATION LEVEL REPEATABLE READ")
        holder.query("SELECT count(*) FROM workers")
        first = drained(one_slot, few)
        began_at = connection.value("SELECT clock_timestamp()")
        batched = drained(oiabd, count)
        curve = _tenths(connection, began_at)
        last = drained(one_slot, few)
        holder.query("ROLLBACK")
        tables.empty(connection)
    ratio, one_slot_ratio = curve[-1] / curve[0], last["jobs_per_second"] / first["jobs_per_second"]
    bench.show(report.text_table(
        ["held snapshot", "jobs", "first jobs/s", "last jobs/s", "last / first", "worker µs/job", "server µs/job", "WAL B/job",
         "commits/job", "dead tuples", "RSS MB"],
        [[name, f"{number:,}", f"{low:,.0f}", f"{high:,.0f}", f"{share:.2f}", f"{one['worker_cpu_us']:.1f}",
          f"{one['server_cpu_us']:.1f}", f"{one['wal_bytes']:.0f}", f"{one['commits']:.4f}", f"{one['dead_tuples']:,.0f}",
          f"{one['peak_rss_mb']:.0f}"]
         for name, number, low, high, share, one in (
             ("tenths of a drain in batches", count, curve[0], curve[-1], ratio, batched),
             ("one slot, before and after it", few, first["jobs_per_second"], last["jobs_per_second"], one_slot_ratio, last))]))
    bench.record("snapshot", {
        "batched": {"jobs": count, **batched, "last_to_first": ratio, "tenths": curve},
        "one_slot": {"jobs": few, "first": first, "last": last, "last_to_first": one_slot_ratio}})
    chart.lines(bench.out / "snapshot.svg", "drain under a held snapshot",
                {"oiabd": [((tenth + 1) * count / 10, speed) for tenth, speed in enumerate(curve)]}, "jobs done", "jobs/s")


# Processes and the slots of each; the same 64 in all.
FLEETS = {"one": (1, 64), "eight": (8, 8), "thirty-two": (32, 2)}


def _fleet_round(bench, contender, connection, count, processes):
    """All of them are up before there is anything to do, so that starting them does not count; the jobs come in one commit."""
    tables.empty(connection)
    tables.settle_down(connection, "jobs")
    log = Worker.log_of(contender, bench.logs)
    log.unlink(missing_ok=True)
    with ExitStack() as stack:
        workers = [stack.enter_context(Worker(contender, bench.server.url(), bench.logs)) for _ in range(processes)]
        give_up = time.monotonic() + bench.patience
        while log.read_text(encoding="utf-8", errors="replace").count('"ready"') < processes:
            if time.monotonic() > give_up or not all(one.running() for one in workers):
                raise workers[0].failure("did not start everywhere")
            time.sleep(0.02)
        connection.query("BEGIN")
        tables.fill(connection, "jobs", count)
        connection.query("ANALYZE jobs")
        last = tables.last_due(connection, "jobs")
        before = usage.ServerMark.take(bench.server, connection)
        cpu = sum(usage.cpu_seconds(one.pid) for one in workers)
        began = time.monotonic()
        connection.query("COMMIT")
        workers[0].wait_until_drained(connection, bench.patience, last)
        seconds = time.monotonic() - began
        workers[0].cpu = sum(usage.cpu_seconds(one.pid) for one in workers) - cpu
        for one in workers:
            one.note_peak()
        workers[0].peak_mb = sum(one.peak_mb for one in workers)
        after = usage.ServerMark.take(bench.server, connection)
        for one in workers:
            one.stop()
        commits = usage.ServerMark.take(bench.server, connection).since(before).commits
    drain.check_once(contender, connection, count, kept=True)
    figures = usage.per_job(count, seconds, workers[0], after.since(before), commits)
    return figures | {"dead_tuples": usage.dead_tuples(connection, "jobs")}


def _fleet(bench):
    """Eight and thirty-two daemons on one queue against one, the same slots in all."""
    oiabd, = bench.contenders("oiabd")
    count = bench.scaled(200_000)
    results = {name: [] for name in FLEETS}
    names = list(FLEETS)
    with bench.server.connect() as connection:
        for number in range(bench.rounds + 1):
            for name in names[number % 3:] + names[:number % 3]:
                processes, slots = FLEETS[name]
                contender = oiabd.with_environment(f"oiabd × {processes}", OIABD_SLOTS=str(slots), OIABD_LOG_FORMAT="json")
                one = _fleet_round(bench, contender, connection, count, processes)
                if number:  # the first round warms up
                    results[name].append(one)
                    bench.say(f"    round {number}, {processes} × {slots} slots: {one['jobs_per_second']:,.0f} jobs/s")
    figures = drain.compared(results, base="one")
    bench.show(drain.table_of({f"{FLEETS[name][0]} × {FLEETS[name][1]} slots": one for name, one in figures.items()}, "fleet"))
    bench.record("fleet", {"jobs": count, "fleets": figures})
    chart.bars(bench.out / "fleet.svg", "daemons on one queue, 64 slots in all, ratio to one daemon", [
        chart.Bar(f"{FLEETS[name][0]} × {FLEETS[name][1]} slots", one["ratio"], one["ratio_lowest"], one["ratio_highest"])
        for name, one in figures.items()], "×", own="")


def _scenario(name, what, run):
    return SimpleNamespace(NAME=name, WHAT=what, run=run)


SCENARIOS = [
    _scenario("delete", "drain with rows deleted on completion, against LIMIT", _delete),
    _scenario("payload", "drain with payloads of 1 KB and 20 KB, against LIMIT with the same", _payload),
    _scenario("backlog", "drain above 1 M future, unhandled or paused rows, 100 k in stuck lanes, 10 M finished", _backlog),
    _scenario("snapshot", "drain under a held REPEATABLE READ snapshot: last against first, in batches and with one slot", _snapshot),
    _scenario("fleet", "eight and 32 daemons on one queue against one, same slots in all", _fleet),
]
