"""Scenarios that drain under other circumstances: rows deleted, larger payloads, several daemons, slow handlers, and tables
that are full of something else. Each is compared with the plain drain, or with its ideal, in the same run."""

from types import SimpleNamespace

from . import chart, drain, report, tables
from .contenders import Worker
from .libpq import Connection


def _delete(bench):
    """Rows deleted on completion, against LIMIT, which keeps them."""
    limit, oiabd = bench.contenders("LIMIT", "oiabd")
    deleting = oiabd.with_environment("oiabd, deletes", OIABD_DELETE_ON_COMPLETE="1")
    count = bench.scaled(200_000)
    with bench.server.connect() as connection:
        results = drain.interleaved(
            bench, [limit, deleting], bench.rounds,
            lambda one: drain.measure(bench, one, connection, count, kept=one is not deleting))
    figures = drain.compared(results)
    bench.show(drain.table_of(figures))
    bench.record("delete", {"jobs": count, "contenders": figures})


def _payload(bench):
    """Payloads of 1 KB and of 20 KB, against LIMIT with the same."""
    results = {}
    for size, count in ((1_000, bench.scaled(100_000)), (20_000, bench.scaled(20_000))):
        # Hex digits of a hash do not compress away.
        text = f"(SELECT string_agg(md5(i::text || n::text), '') FROM generate_series(1, {size // 32}) AS i)"
        payload = f"jsonb_build_object('text', {text})"
        with bench.server.connect() as connection:
            rounds = drain.interleaved(
                bench, bench.contenders("LIMIT", "oiabd"), bench.rounds,
                lambda one, n=count, p=payload: drain.measure(bench, one, connection, n, payload_sql=p))
        results[f"{size} bytes"] = drain.compared(rounds)
        bench.show(f"payload of {size} bytes\n{drain.table_of(results[f'{size} bytes'])}")
    bench.record("payload", results)


def _slots(bench):
    """Handlers of 1 ms at 4, 16, 64 and 256 slots, against slots × 1000 jobs/s or the plain drain, whichever is less."""
    oiabd, = bench.contenders("oiabd")
    figures = {}
    with bench.server.connect() as connection:
        top = report.median([drain.measure(bench, oiabd, connection, bench.scaled(100_000))["jobs_per_second"]
                             for _ in range(bench.rounds)])
        for slots in (4, 16, 64, 256):
            ideal = min(slots * 1000, top)
            count = int(min(bench.scaled(200_000), ideal * 6))
            contender = oiabd.with_environment(f"oiabd, {slots} slots", OIABD_SLOTS=str(slots))
            rounds = [drain.measure(bench, contender, connection, count, payload='{"sleepMs": 1}')
                      for _ in range(bench.rounds)]
            speed = report.median([one["jobs_per_second"] for one in rounds])
            figures[slots] = {"jobs_per_second": speed, "ideal": ideal, "share_of_ideal": speed / ideal, "rounds": rounds}
    bench.show(report.text_table(["slots, 1 ms each", "jobs/s", "ideal", "share"],
                                 [[slots, f"{one['jobs_per_second']:,.0f}", f"{one['ideal']:,.0f}", f"{one['share_of_ideal']:.2f}"]
                                  for slots, one in figures.items()]))
    bench.record("slots", {"plain_drain": top, "slots": figures})


# What fills the table before the drain, as SQL; {n} is the number of rows. Future rows have run_at a day ahead.
_MANY = "INSERT INTO jobs ({columns}) SELECT {values} FROM generate_series(1, {n}) AS n"
BACKLOGS = {
    "future": (1_000_000, [("kind, run_at", "'noop', now() + interval '1 day' + n * interval '1 ms'")], []),
    "unhandled": (1_000_000, [("kind, run_at", "'nobody-handles-this', now() - interval '1 hour'")], []),
    "lanes": (100_000, [("kind, serial_key, run_at",
                         "'noop', 'stuck-' || (n % 2), now() - interval '1 hour' + n * interval '1 ms'")],
              # The heads of both lanes wait for tomorrow after an attempt, and hold their lanes.
              ["SELECT advance_lane('stuck-0'), advance_lane('stuck-1')",
               "UPDATE jobs SET run_at = now() + interval '1 day', attempts = 1 WHERE lane_ready AND serial_key IS NOT NULL"]),
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
    """A table full of what may not run now, against the same drain of an otherwise empty one."""
    oiabd, = bench.contenders("oiabd")
    count = bench.scaled(200_000)
    figures = {}
    with bench.server.connect() as connection:
        for name in BACKLOGS:
            speeds = {"alone": [], name: []}
            for _ in range(max(1, bench.rounds // 2)):
                speeds["alone"].append(drain.measure(bench, oiabd, connection, count)["jobs_per_second"])
                rows = fill_backlog(bench, connection, name)
                tables.fill(connection, "jobs", count)
                tables.settle_down(connection, "jobs")
                speeds[name].append(drain.measure_filled(bench, oiabd, connection, count, kept=False, among_others=True)["jobs_per_second"])
            connection.query("DELETE FROM job_pauses")
            ratio = report.median([full / alone for full, alone in zip(speeds[name], speeds["alone"])])
            figures[name] = {"rows": rows, "jobs_per_second": report.median(speeds[name]), "ratio": ratio}
            bench.say(f"    {rows:,} rows {name}: {ratio:.2f} of the drain of an otherwise empty table")
        tables.empty(connection)
    bench.show(report.text_table(["backlog", "rows", "jobs/s", "ratio to alone"],
                                 [[name, f"{one['rows']:,}", f"{one['jobs_per_second']:,.0f}", f"{one['ratio']:.2f}"]
                                  for name, one in figures.items()]))
    bench.record("backlog", {"jobs": count, "backlogs": figures})
    chart.bars(bench.out / "backlog.svg", "drain above a backlog, ratio to an otherwise empty table",
               [(f"{one['rows']:,} {name}", one["ratio"]) for name, one in figures.items()], "×", own="")


def _snapshot(bench):
    """A REPEATABLE READ transaction open throughout: the speed of the last tenth against that of the first."""
    count = bench.scaled(1_000_000)
    oiabd, = bench.contenders("oiabd")
    with bench.server.connect() as connection, Connection(bench.server.url()) as holder:
        tables.empty(connection)
        tables.fill(connection, "jobs", count)
        tables.settle_down(connection, "jobs")
        holder.query("BEGIN ISOLATION LEVEL REPEATABLE READ")
        holder.query("SELECT count(*) FROM workers")
        figures = drain.measure_filled(bench, oiabd, connection, count)
        holder.query("ROLLBACK")
        curve = [(int(tenth), count / 10 / float(seconds)) for tenth, seconds in connection.query(
            "SELECT tenth, extract(epoch FROM max(finished_at) - min(finished_at)) FROM (SELECT finished_at, "
            "ntile(10) OVER (ORDER BY finished_at) AS tenth FROM jobs) t GROUP BY tenth ORDER BY tenth")]
    ratio = curve[-1][1] / curve[0][1]
    bench.show(report.text_table(["held snapshot", "jobs", "jobs/s", "first tenth", "last tenth", "last / first"],
                                 [["oiabd", f"{count:,}", f"{figures['jobs_per_second']:,.0f}", f"{curve[0][1]:,.0f}",
                                   f"{curve[-1][1]:,.0f}", f"{ratio:.2f}"]]))
    bench.record("snapshot", {"jobs": count, "jobs_per_second": figures["jobs_per_second"], "last_to_first": ratio,
                              "tenths": [speed for _, speed in curve]})


def _fleet(bench):
    """Eight daemons on one queue against one, the same slots in all."""
    oiabd, = bench.contenders("oiabd")
    count = bench.scaled(200_000)
    eighth = oiabd.with_environment("oiabd, an eighth", OIABD_SLOTS="8")
    speeds = {"one": [], "eight": []}
    with bench.server.connect() as connection:
        for _ in range(bench.rounds):
            speeds["one"].append(drain.measure(bench, oiabd, connection, count)["jobs_per_second"])
            tables.empty(connection)
            tables.fill(connection, "jobs", count)
            tables.settle_down(connection, "jobs")
            others = [Worker(eighth, bench.server.url(), bench.logs) for _ in range(7)]
            try:
                speeds["eight"].append(drain.measure_filled(bench, eighth, connection, count)["jobs_per_second"])
            finally:
                for other in others:
                    other.stop()
    ratio = report.median([eight / one for eight, one in zip(speeds["eight"], speeds["one"])])
    bench.show(report.text_table(["fleet", "jobs/s", "ratio"],
                                 [["1 daemon of 64 slots", f"{report.median(speeds['one']):,.0f}", "1.00"],
                                  ["8 daemons of 8 slots", f"{report.median(speeds['eight']):,.0f}", f"{ratio:.2f}"]]))
    bench.record("fleet", {"jobs": count, "jobs_per_second": speeds, "ratio": ratio})


def _scenario(name, what, run):
    return SimpleNamespace(NAME=name, WHAT=what, run=run)


SCENARIOS = [
    _scenario("delete", "drain with rows deleted on completion, against LIMIT", _delete),
    _scenario("payload", "drain with payloads of 1 KB and 20 KB, against LIMIT with the same", _payload),
    _scenario("slots", "handlers of 1 ms at 4, 16, 64 and 256 slots, against the ideal", _slots),
    _scenario("backlog", "drain above 1 M future, unhandled or paused rows, 100 k in stuck lanes, 10 M finished", _backlog),
    _scenario("snapshot", "drain under a held REPEATABLE READ snapshot: last tenth against first", _snapshot),
    _scenario("fleet", "eight daemons on one queue against one, same slots in all", _fleet),
]
