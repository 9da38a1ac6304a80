"""Scenario drain: how fast a table of waiting no-op jobs is emptied, rows kept. LIMIT runs in every round."""

import time

from . import chart, peers, report, tables, usage
from .contenders import Failure, Worker

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
    check_once(contender, connection, count, kept)
    figures = usage.per_job(count, seconds, worker, after.since(before), commits)
    figures["dead_tuples"] = usage.dead_tuples(connection, contender.table)
    return figures


def check_once(contender, connection, count, kept):
    """@throws Failure unless all jobs are completed in one attempt each, or gone where rows are not kept."""
    if kept:
        completed = int(connection.value(
            f"SELECT count(*) FROM {contender.table} WHERE kind = 'noop' AND status = 'completed' AND attempts = 1"))
        if completed != count:
            raise Failure(f"{contender.name}: {completed} of {count} jobs are completed in one attempt each.")
    else:
        left = int(connection.value(f"SELECT count(*) FROM {contender.table}"))
        if left:
            raise Failure(f"{contender.name}: {left} rows are left where each is deleted on completion.")


def interleaved(bench, contenders, rounds, one, base="LIMIT"):
    """Runs `one(contender)` for each contender, round by round, the order turned each time. The first, uncounted round
    warms the server up. One that fails is left out from then on, and the others go on; without `base` nothing can."""
    results = {contender.name: [] for contender in contenders}
    for number in range(rounds + 1):
        turn = number % len(contenders)
        for contender in contenders[turn:] + contenders[:turn]:
            if contender.name not in results:
                continue
            try:
                figures = one(contender)
            except Failure as failure:
                if contender.name in (base, "oiabd"):
                    raise
                bench.failed(failure)
                del results[contender.name]
                continue
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
        compared_results[name] = {**report.medians(rounds), **report.with_range("ratio", ratios), "rounds": rounds}
    return compared_results


def table_of(figures, title="drain"):
    return report.text_table(
        [title, "jobs/s", "ratio", "lowest", "highest", "worker µs/job", "server µs/job", "WAL B/job", "commits/job",
         "dead tuples", "RSS MB"],
        [[name, f"{f['jobs_per_second']:,.0f}", f"{f['ratio']:.2f}", f"{f['ratio_lowest']:.2f}", f"{f['ratio_highest']:.2f}",
          f"{f['worker_cpu_us']:.1f}", f"{f['server_cpu_us']:.1f}", f"{f['wal_bytes']:.0f}", f"{f['commits']:.4f}",
          f"{f['dead_tuples']:,.0f}", f"{f['peak_rss_mb']:.0f}"] for name, f in figures.items()])


def chart_of(path, title, figures):
    chart.bars(path, title, [chart.Bar(name, one["ratio"], one["ratio_lowest"], one["ratio_highest"])
                             for name, one in figures.items()], "× LIMIT")


def run(bench):
    count = bench.scaled(200_000)
    contenders = bench.contenders("LIMIT", "BEST", "STATEMENTS", "oiabd") + bench.peers()
    with bench.server.connect() as connection:
        results = interleaved(
            bench, contenders, bench.rounds,
            lambda one: (peers.measure if isinstance(one, peers.Peer) else measure)(bench, one, connection, count))
    figures = compared(results)
    what = {one.name: one.what for one in contenders}
    for name, one in figures.items():
        one["what"] = what[name]
    bench.show(table_of(figures))
    bench.record(NAME, {"jobs": count, "contenders": figures})
    chart_of(bench.out / "drain.svg", f"{count:,} no-op jobs, ratio to LIMIT", figures)
    return figures
