"""Scenarios latency and load: from the producer's enqueue call to the handler's first line."""

import subprocess
from contextlib import contextmanager

from . import chart, peers, report, tables
from .contenders import Failure, Worker

NAME = "latency"
WHAT = "idle worker, one job at a time: enqueue call → handler's first line, beside the libpq floor"


def producer(bench, **options):
    """Runs the measuring producer. @returns the latencies and the insert times, in milliseconds."""
    arguments = [str(part) for name, value in options.items() for part in (f"--{name.replace('_', '-')}", value)]
    answer = subprocess.run([bench.build / "bench" / "bench_enqueue_latency", "--url", bench.server.url(), *arguments],
                            capture_output=True, text=True, check=False)
    if answer.returncode != 0:
        raise Failure(f"The producer failed: {answer.stderr.strip()}")
    pairs = [line.split() for line in answer.stdout.splitlines()]
    return [int(one) / 1000 for one, _ in pairs], [int(one) / 1000 for _, one in pairs]


def percentiles(values):
    return {"p50_ms": report.percentile(values, 50), "p95_ms": report.percentile(values, 95),
            "p99_ms": report.percentile(values, 99), "highest_ms": max(values)}


@contextmanager
def _serving(bench, contender, connection):
    """The contender at work on an empty queue. Yields how the producer adds its jobs."""
    if isinstance(contender, peers.Peer):
        with peers.stamps(bench, contender, connection) as (_, jobs):
            yield jobs
        return
    tables.empty(connection)
    tables.settle_down(connection, contender.table)
    with Worker(contender, bench.server.url(), bench.logs) as worker:
        worker.wait_until_serving(bench.server)
        yield {"table": contender.table}


def run(bench):
    contenders = bench.contenders("floor", "oiabd") + peers.stamping(bench)
    count = bench.scaled(400)
    rounds = {contender.name: [] for contender in contenders}
    inserts = []
    with bench.server.connect() as connection:
        for number in range(bench.rounds):
            turn = number % len(contenders)
            for contender in contenders[turn:] + contenders[:turn]:
                if contender.name not in rounds:
                    continue
                try:
                    with _serving(bench, contender, connection) as jobs:
                        producer(bench, count=20, **jobs)  # warms caches and plans up
                        latencies, insert_times = producer(bench, count=count, **jobs)
                except Failure as failure:
                    if not isinstance(contender, peers.Peer):
                        raise
                    bench.failed(failure)
                    del rounds[contender.name]
                    continue
                rounds[contender.name].append(percentiles(latencies))
                if contender.name == "oiabd":
                    inserts += insert_times
                bench.say(f"    round {number + 1} {contender.name}: p50 {rounds[contender.name][-1]['p50_ms']:.2f} ms")
    figures = {}
    for name, results in rounds.items():
        figures[name] = {**report.medians(results), "rounds": results}
        for share in ("p50", "p99"):
            figures[name] |= report.with_range(f"ratio_{share}", [
                one[f"{share}_ms"] / floor[f"{share}_ms"] for one, floor in zip(results, rounds["floor"])])
    bench.show(report.text_table(
        ["latency, idle (ms)", "p50", "p95", "p99", "highest", "p50 / floor", "p99 / floor"],
        [[name, *(f"{one[key]:.2f}" for key in ("p50_ms", "p95_ms", "p99_ms", "highest_ms", "ratio_p50", "ratio_p99"))]
         for name, one in figures.items()]))
    bench.record(NAME, {"jobs": count, "insert_p50_ms": report.percentile(inserts, 50), "contenders": figures})
    chart.bars(bench.out / "latency.svg", "enqueue call to handler, idle worker, p50", [
        chart.Bar(name, one["p50_ms"], min(each["p50_ms"] for each in one["rounds"]), max(each["p50_ms"] for each in one["rounds"]))
        for name, one in figures.items()], "ms")
    return figures
