"""Scenarios in which producers insert while work goes on: sustained, load and producers."""

import time
from dataclasses import replace
from types import SimpleNamespace

from . import chart, drain, peers, report, tables, usage
from .contenders import Failure, Worker
from .latency import percentiles, producer
from .produce import produce


def _sustained_round(bench, contender, connection, count):
    tables.empty(connection)
    # A table in use: plans that are made on an empty one and kept would scan it as it grows, LIMIT's above all.
    tables.fill_finished(connection, contender.table, count)
    tables.settle_down(connection, contender.table)
    with Worker(contender, bench.server.url(), bench.logs) as worker:
        worker.wait_until_serving(bench.server)
        before, cpu = usage.ServerMark.take(bench.server, connection), usage.cpu_seconds(worker.pid)
        began = time.monotonic()
        produce(bench, count, batch=500, table=contender.table)
        worker.wait_until_drained(connection, bench.patience)
        seconds = time.monotonic() - began
        worker.cpu -= cpu
        after = usage.ServerMark.take(bench.server, connection)
        worker.stop()
        commits = usage.ServerMark.take(bench.server, connection).since(before).commits
    drain.check_once(contender, connection, count + 1, kept=True)  # one has shown that the worker serves
    figures = usage.per_job(count, seconds, worker, after.since(before), commits)
    return figures | {"dead_tuples": usage.dead_tuples(connection, contender.table)}


def _sustained(bench):
    """Inserts of 500 rows and the drain at once, from the first insert until nothing is unfinished."""
    limit, oiabd = bench.contenders("LIMIT", "oiabd")
    others = peers.named(bench, *peers.TUNED)
    limit = replace(limit, command=(*limit.command, "--ends", "no"), ends=False)
    count = bench.scaled(200_000)
    with bench.server.connect() as connection:
        results = drain.interleaved(
            bench, [limit, oiabd, *others], bench.rounds,
            lambda one: (peers.measure_sustained if one in others else _sustained_round)(bench, one, connection, count))
    figures = drain.compared(results)
    bench.show(drain.table_of(figures, "insert and drain at once"))
    bench.record("sustained", {"jobs": count, "contenders": figures})
    drain.chart_of(bench.out / "sustained.svg", f"{count:,} jobs inserted by 500 and drained at once, ratio to LIMIT", figures)


def _load(bench):
    """Latency while single rows come in at half the rate that four producers and the worker can hold together."""
    oiabd, = bench.contenders("oiabd")
    rounds, rates = [], []
    with bench.server.connect() as connection:
        for _ in range(bench.rounds):
            tables.empty(connection)
            tables.settle_down(connection, "jobs")
            with Worker(oiabd, bench.server.url(), bench.logs) as worker:
                worker.wait_until_serving(bench.server)
                count = bench.scaled(20_000)
                began = time.monotonic()
                produce(bench, count, table="jobs", connections=4)
                worker.wait_until_drained(connection, bench.patience)
                rates.append(count / (time.monotonic() - began))
                half = int(rates[-1] / 2)
                sent = half * (5 if bench.quick else 12) // 4 * 4
                before, cpu = usage.ServerMark.take(bench.server, connection), usage.cpu_seconds(worker.pid)
                began = time.monotonic()
                latencies, _ = producer(bench, table="jobs", count=sent, connections=4, rate=half)
                seconds = time.monotonic() - began
                worker.cpu = usage.cpu_seconds(worker.pid) - cpu
                worker.note_peak()
                after = usage.ServerMark.take(bench.server, connection)
                worker.stop()
                commits = usage.ServerMark.take(bench.server, connection).since(before).commits
                rounds.append(percentiles(latencies) | usage.per_job(sent, seconds, worker, after.since(before), commits)
                              | {"dead_tuples": usage.dead_tuples(connection, "jobs")})
                bench.say(f"    {half:,} jobs/s: p99 {rounds[-1]['p99_ms']:.2f} ms")
    figures = report.medians(rounds)
    bench.show(report.text_table(
        ["latency at half load (ms)", "jobs/s", "p50", "p95", "p99", "highest", "worker µs/job", "server µs/job", "WAL B/job",
         "commits/job", "dead tuples", "RSS MB"],
        [["oiabd", f"{report.median(rates) / 2:,.0f}",
          *(f"{figures[key]:.2f}" for key in ("p50_ms", "p95_ms", "p99_ms", "highest_ms")), f"{figures['worker_cpu_us']:.1f}",
          f"{figures['server_cpu_us']:.1f}", f"{figures['wal_bytes']:.0f}", f"{figures['commits']:.3f}",
          f"{figures['dead_tuples']:,.0f}", f"{figures['peak_rss_mb']:.0f}"]]))
    chart.bars(bench.out / "load.svg", "enqueue call to handler at half load", [
        chart.Bar(share, figures[f"{share}_ms"], min(one[f"{share}_ms"] for one in rounds), max(one[f"{share}_ms"] for one in rounds))
        for share in ("p50", "p95", "p99")], "ms", own="")
    bench.record("load", {"full_jobs_per_second": rates, **figures, "rounds": rounds})


def _inserts(bench, connection, mode, connections, count):
    connection.query(f"ALTER TABLE jobs {'ENABLE' if mode == 'on' else 'DISABLE'} TRIGGER jobs_90_wake")
    tables.empty(connection)
    tables.settle_down(connection, "jobs")
    before = usage.ServerMark.take(bench.server, connection)
    speed = count / produce(bench, count, table="jobs", connections=connections)
    used = usage.ServerMark.take(bench.server, connection).since(before)
    inserted = int(connection.value("SELECT count(*) FROM jobs"))
    if inserted != count:
        raise Failure(f"{connections} producers: {inserted} of {count} rows are there")
    return {"inserts_per_second": speed, "server_cpu_us": used.cpu_seconds / count * 1e6, "wal_bytes": used.wal_bytes / count,
            "commits": used.commits / count}


def _producers(bench):
    """Single-row inserts by 1, 8 and 32 producers with the waking trigger on and off, a session listening."""
    count = bench.scaled(32_000) // 32 * 32
    figures = {}
    with bench.server.connect() as connection, bench.server.connect() as listener:
        listener.query("LISTEN oiab_jobs")
        try:
            for connections in (1, 8, 32):
                rounds = {"on": [], "off": []}
                for number in range(bench.rounds + 1):
                    for mode in ("on", "off") if number % 2 else ("off", "on"):
                        one = _inserts(bench, connection, mode, connections, count)
                        if number:  # the first round warms up
                            rounds[mode].append(one)
                ratios = [on["inserts_per_second"] / off["inserts_per_second"] for on, off in zip(rounds["on"], rounds["off"])]
                figures[connections] = {**{mode: report.medians(ones) for mode, ones in rounds.items()},
                                        **report.with_range("ratio", ratios), "rounds": rounds}
                bench.say(f"    {connections} producers: {figures[connections]['ratio']:.2f} of the rate without NOTIFY")
        finally:
            connection.query("ALTER TABLE jobs ENABLE TRIGGER jobs_90_wake")
            tables.empty(connection)
    bench.show(report.text_table(
        ["producers", "inserts/s, NOTIFY on", "off", "ratio", "lowest", "highest", "server µs/job", "off", "WAL B/job", "commits/job"],
        [[connections, f"{one['on']['inserts_per_second']:,.0f}", f"{one['off']['inserts_per_second']:,.0f}", f"{one['ratio']:.2f}",
          f"{one['ratio_lowest']:.2f}", f"{one['ratio_highest']:.2f}", f"{one['on']['server_cpu_us']:.0f}",
          f"{one['off']['server_cpu_us']:.0f}", f"{one['on']['wal_bytes']:.0f}", f"{one['on']['commits']:.2f}"]
         for connections, one in figures.items()]))
    bench.record("producers", {"jobs": count, "producers": figures})
    chart.bars(bench.out / "producers.svg", "single-row inserts with NOTIFY, ratio to those without", [
        chart.Bar(f"{connections} producers", one["ratio"], one["ratio_lowest"], one["ratio_highest"])
        for connections, one in figures.items()], "×", own="")


SCENARIOS = [
    SimpleNamespace(NAME="sustained", WHAT="inserts of 500 rows and the drain at once, against LIMIT", run=_sustained),
    SimpleNamespace(NAME="load", WHAT="latency at half load: single-row inserts by four producers", run=_load),
    SimpleNamespace(NAME="producers", WHAT="1, 8 and 32 producers with NOTIFY on against off", run=_producers),
]
