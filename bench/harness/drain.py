"""Scenario drain: how fast a table of waiting no-op jobs is emptied, rows kept. LIMIT runs in every round."""

import time

from . import chart, report, tables, usage
from .contenders import Worker

NAME = "drain"
WHAT = "200 000 waiting no-op jobs, rows kept: jobs/s against LIMIT, CPU, WAL and commits a job, memory"


def measure(bench, contender, connection, count, payload=tables.PAYLOAD, payload_sql=None, kept=True):
    """One contender, one round: from just before its start until the database shows no unfinished job."""
    tables.empty(connection)
    tables.fill(connection, contender.table, count, payload_sql=payload_sql or f"'{payload}'::jsonb")
    tables.settle_down(connection, contender.table)
    return measure_filled(bench, contender, connection, count, kept)


def measure_filled(bench, contender, connection, count, kept=True, among_others=False):
    """The same for a table that is filled: `count` no-op jobs are due. `kept`: their rows are there afterwards.
    `among_others`: so are others that may not run."""
    last = tables.last_due(connection, contender.table)
    before = usage.ServerMark.take(bench.server, connection)
    began = time.monotonic()
    with Worker(contender, bench.server.url(), bench.logs) as worker:
        worker.wait_until_drained(connection, bench.patience, last, among_others)
        seconds = time.monotonic() - began
        after = usage.ServerMark.take(bench.server, connection)
        worker.stop()
        commits = usage.ServerMark.take(bench.server, connection).since(before).commits
    if kept:
        completed = int(connection.value(
            f"SELECT count(*) FROM {contender.table} WHERE status = 'completed' AND attempts = 1"))
        if completed != count:
            raise SystemExit(f"{contender.name}: {completed} of {count} jobs are completed in one attempt each.")
    used = after.since(before)
    return {"jobs_per_second": count / seconds, "worker_cpu_us": worker.cpu / count * 1e6,
            "server_cpu_us": used.cpu_seconds / count * 1e6, "wal_bytes": used.wal_bytes / count,
            "commits": commits / count, "peak_rss_mb": worker.peak_mb}


def interleaved(bench, contenders, rounds, one):
    """Runs `one(contender)` for each contender, round by round, the order turned each time. The first, uncounted round
    warms the server up."""
    results = {contender.name: [] for contender in contenders}
    for number in range(rounds + 1):
        order = contenders[number % len(contenders):] + contenders[:number % len(contenders)]
        for contender in order:
            figures = one(contender)
            bench.say(f"    {'warm-up' if number == 0 else f'round {number}'} {contender.name}: "
                      f"{figures['jobs_per_second']:,.0f} jobs/s")
            if number > 0:
                results[contender.name].append(figures)
    return results


def compared(results, base="LIMIT"):
    """Medians, with the ratio to `base` of the same round and its range."""
    compared_results = {}
    for name, rounds in results.items():
        ratios = [one["jobs_per_second"] / other["jobs_per_second"] for one, other in zip(rounds, results[base])]
        compared_results[name] = {**report.medians(rounds), "ratio": report.median(ratios), "ratio_lowest": min(ratios),
                                  "ratio_highest": max(ratios), "rounds": rounds}
    return compared_results


def table_of(figures):
    return report.text_table(
        ["drain", "jobs/s", "ratio", "lowest", "highest", "worker µs/job", "server µs/job", "WAL B/job", "commits/job", "RSS MB"],
        [[name, f"{f['jobs_per_second']:,.0f}", f"{f['ratio']:.2f}", f"{f['ratio_lowest']:.2f}", f"{f['ratio_highest']:.2f}",
          f"{f['worker_cpu_us']:.1f}", f"{f['server_cpu_us']:.1f}", f"{f['wal_bytes']:.0f}", f"{f['commits']:.4f}",
          f"{f['peak_rss_mb']:.0f}"] for name, f in figures.items()])


def run(bench):
    count = bench.scaled(200_000)
    contenders = bench.contenders("LIMIT", "BEST", "STATEMENTS", "oiabd")
    with bench.server.connect() as connection:
        results = interleaved(bench, contenders, bench.rounds, lambda one: measure(bench, one, connection, count))
    figures = compared(results)
    bench.show(table_of(figures))
    bench.record(NAME, {"jobs": count, "contenders": figures})
    chart.bars(bench.out / "drain.svg", f"{count:,} no-op jobs, ratio to LIMIT",
               [(name, one["ratio"]) for name, one in figures.items()], "× LIMIT")
    return figures
