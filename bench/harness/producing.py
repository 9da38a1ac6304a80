"""Scenarios in which producers insert while work goes on: sustained, load and producers."""

import subprocess
import time
from dataclasses import replace
from types import SimpleNamespace

from . import report, tables
from .contenders import Worker
from .latency import percentiles, producer


def produce(bench, table, count, connections=1, batch=1):
    """Inserts as fast as the server lets it. @returns the seconds that it took."""
    answer = subprocess.run([bench.build / "bench" / "bench_produce", "--url", bench.server.url(), "--table", table,
                             "--count", str(count), "--connections", str(connections), "--batch", str(batch)],
                            capture_output=True, text=True, check=False)
    if answer.returncode != 0:
        raise SystemExit(f"The producers failed: {answer.stderr.strip()}")
    return float(answer.stdout)


def _sustained_round(bench, contender, connection, count):
    tables.empty(connection)
    tables.settle_down(connection, contender.table)
    with Worker(contender, bench.server.url(), bench.logs) as worker:
        worker.wait_until_serving(bench.server)
        began = time.monotonic()
        produce(bench, contender.table, count, batch=500)
        worker.wait_until_drained(connection, bench.patience)
        return count / (time.monotonic() - began)


def _sustained(bench):
    """Inserts of 500 rows and the drain at once, from the first insert until nothing is unfinished."""
    limit, oiabd = bench.contenders("LIMIT", "oiabd")
    limit = replace(limit, command=(*limit.command, "--ends", "no"), ends=False)
    count = bench.scaled(200_000)
    speeds = {"LIMIT": [], "oiabd": []}
    with bench.server.connect() as connection:
        for number in range(bench.rounds + 1):
            for contender in (limit, oiabd) if number % 2 else (oiabd, limit):
                speed = _sustained_round(bench, contender, connection, count)
                if number:  # the first round warms up
                    speeds[contender.name].append(speed)
    ratio = report.median([own / other for own, other in zip(speeds["oiabd"], speeds["LIMIT"])])
    bench.show(report.text_table(["insert and drain at once", "jobs/s", "ratio"],
                                 [["LIMIT", f"{report.median(speeds['LIMIT']):,.0f}", "1.00"],
                                  ["oiabd", f"{report.median(speeds['oiabd']):,.0f}", f"{ratio:.2f}"]]))
    bench.record("sustained", {"jobs": count, "jobs_per_second": speeds, "ratio": ratio})


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
                produce(bench, "jobs", count, connections=4)
                worker.wait_until_drained(connection, bench.patience)
                rates.append(count / (time.monotonic() - began))
                half = int(rates[-1] / 2)
                latencies, _ = producer(bench, "jobs", count=half * (5 if bench.quick else 15), connections=4, rate=half)
                rounds.append(percentiles(latencies))
                bench.say(f"    {half:,} jobs/s: p99 {rounds[-1]['p99_ms']:.2f} ms")
    figures = report.medians(rounds)
    bench.show(report.text_table(["latency at half load (ms)", "jobs/s", "p50", "p95", "p99", "highest"],
                                 [["oiabd", f"{report.median(rates) / 2:,.0f}",
                                   *(f"{figures[key]:.2f}" for key in ("p50_ms", "p95_ms", "p99_ms", "highest_ms"))]]))
    bench.record("load", {"full_jobs_per_second": rates, **figures, "rounds": rounds})


def _producers(bench):
    """Single-row inserts by 1, 8 and 32 producers with the waking trigger on and off, a session listening."""
    count = bench.scaled(40_000)
    figures = {}
    with bench.server.connect() as connection, bench.server.connect() as listener:
        listener.query("LISTEN oiab_jobs")
        for connections in (1, 8, 32):
            speeds = {"on": [], "off": []}
            for number in range(bench.rounds):
                for mode in ("on", "off") if number % 2 else ("off", "on"):
                    connection.query(f"ALTER TABLE jobs {'ENABLE' if mode == 'on' else 'DISABLE'} TRIGGER jobs_90_wake")
                    tables.empty(connection)
                    tables.settle_down(connection, "jobs")
                    speeds[mode].append(count / produce(bench, "jobs", count, connections=connections))
            ratio = report.median([on / off for on, off in zip(speeds["on"], speeds["off"])])
            figures[connections] = {"on": report.median(speeds["on"]), "off": report.median(speeds["off"]), "ratio": ratio}
        connection.query("ALTER TABLE jobs ENABLE TRIGGER jobs_90_wake")
        tables.empty(connection)
    bench.show(report.text_table(["producers", "inserts/s, NOTIFY on", "off", "ratio"],
                                 [[connections, f"{one['on']:,.0f}", f"{one['off']:,.0f}", f"{one['ratio']:.2f}"]
                                  for connections, one in figures.items()]))
    bench.record("producers", {"jobs": count, "producers": figures})


SCENARIOS = [
    SimpleNamespace(NAME="sustained", WHAT="inserts of 500 rows and the drain at once, against LIMIT", run=_sustained),
    SimpleNamespace(NAME="load", WHAT="latency at half load: single-row inserts by four producers", run=_load),
    SimpleNamespace(NAME="producers", WHAT="1, 8 and 32 producers with NOTIFY on against off", run=_producers),
]
