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


def _half_load(bench, connection, worker, wait_until_drained, count, inserted, stamped):
    """`count` single rows by four producers as fast as they go, `inserted` so; then at half the rate of that, `stamped` so.
    @returns that rate, and the figures of what was sent at half of it."""
    began = time.monotonic()
    produce(bench, count, connections=4, **inserted)
    wait_until_drained()
    rate = count / (time.monotonic() - began)
    half = int(rate / 2)
    sent = half * (5 if bench.quick else 12) // 4 * 4
    before, cpu = usage.ServerMark.take(bench.server, connection), usage.cpu_seconds(worker.pid)
    began = time.monotonic()
    latencies, _ = producer(bench, count=sent, connections=4, rate=half, **stamped)
    seconds = time.monotonic() - began
    worker.cpu = usage.cpu_seconds(worker.pid) - cpu
    worker.note_peak()
    after = usage.ServerMark.take(bench.server, connection)
    worker.stop()
    commits = usage.ServerMark.take(bench.server, connection).since(before).commits
    return rate, percentiles(latencies) | usage.per_job(sent, seconds, worker, after.since(before), commits) | {"jobs": sent}


def _own_load(bench, oiabd, connection, count):
    tables.empty(connection)
    tables.settle_down(connection, "jobs")
    with Worker(oiabd, bench.server.url(), bench.logs) as worker:
        worker.wait_until_serving(bench.server)
        rate, figures = _half_load(bench, connection, worker, lambda: worker.wait_until_drained(connection, bench.patience), count,
                                   {"table": "jobs"}, {"table": "jobs"})
    drain.check_once(oiabd, connection, 1 + count + figures["jobs"], kept=True)
    return rate, figures | {"dead_tuples": usage.dead_tuples(connection, "jobs")}


def _peer_load(bench, peer, connection, count):
    with peers.stamps(bench, peer, connection) as (worker, stamped):
        rate, figures = _half_load(bench, connection, worker, lambda: peers.wait_until_drained(bench, worker, connection), count,
                                   {"insert": peers.QUEUES[peer.table]["add"]}, stamped)
        expected = 1 + count + figures["jobs"]
        if peers.stamped(connection) != expected:
            raise Failure(f"{peer.name}: {peers.stamped(connection)} of {expected} jobs were started")
        figures["dead_tuples"] = usage.dead_tuples(connection, peer.table)
    return rate, figures


def _load(bench):
    """Latency while single rows come in at half the rate that four producers and the worker can hold together."""
    contenders = bench.contenders("oiabd") + [peer.with_environment(peer.name, STAMPS="1") for peer in peers.named(bench, *peers.TUNED)]
    rounds, rates = {one.name: [] for one in contenders}, {one.name: [] for one in contenders}
    count = bench.scaled(20_000) // 4 * 4
    with bench.server.connect() as connection:
        for number in range(bench.rounds):
            turn = number % len(contenders)
            for one in contenders[turn:] + contenders[:turn]:
                if one.name not in rounds:
                    continue
                try:
                    rate, figures = (_peer_load if isinstance(one, peers.Peer) else _own_load)(bench, one, connection, count)
                except Failure as failure:
                    if one.name == "oiabd":
                        raise
                    bench.failed(failure)
                    del rounds[one.name]
                    continue
                rates[one.name].append(rate)
                rounds[one.name].append(figures)
                bench.say(f"    {one.name}, {rate / 2:,.0f} jobs/s: p99 {figures['p99_ms']:.2f} ms")
    results = {name: {"full_jobs_per_second": rates[name], **report.medians(ones), "rounds": ones} for name, ones in rounds.items()}
    bench.show(report.text_table(
        ["latency at half load (ms)", "jobs/s", "p50", "p95", "p99", "highest", "worker µs/job", "server µs/job", "WAL B/job",
         "commits/job", "dead tuples", "RSS MB"],
        [[name, f"{report.median(rates[name]) / 2:,.0f}",
          *(f"{one[key]:.2f}" for key in ("p50_ms", "p95_ms", "p99_ms", "highest_ms")), f"{one['worker_cpu_us']:.1f}",
          f"{one['server_cpu_us']:.1f}", f"{one['wal_bytes']:.0f}", f"{one['commits']:.3f}",
          f"{one['dead_tuples']:,.0f}", f"{one['peak_rss_mb']:.0f}"] for name, one in results.items()]))
    chart.bars(bench.out / "load.svg", "enqueue call to handler at half load", [
        chart.Bar(f"{name}, {share}", one[f"{share}_ms"], min(each[f"{share}_ms"] for each in rounds[name]),
                  max(each[f"{share}_ms"] for each in rounds[name]))
        for name, one in results.items() for share in ("p50", "p95", "p99")], "ms")
    # Beside the peers is oiabd, as the targets read it.
    bench.record("load", {**results.pop("oiabd"), "peers": results})


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
