"""Scenarios that drain under other circumstances: rows deleted, larger payloads, and tables that are full of something
else. Each is compared with the plain drain in the same run."""

from types import SimpleNamespace

from . import chart, drain, peers, report, tables
from .contenders import Failure


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


def _scenario(name, what, run):
    return SimpleNamespace(NAME=name, WHAT=what, run=run)


SCENARIOS = [
    _scenario("delete", "drain with rows deleted on completion, against LIMIT", _delete),
    _scenario("payload", "drain with payloads of 1 KB and 20 KB, against LIMIT with the same", _payload),
    _scenario("backlog", "drain above 1 M future, unhandled or paused rows, 100 k in stuck lanes, 10 M finished", _backlog),
]
