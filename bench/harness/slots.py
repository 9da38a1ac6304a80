"""Scenario slots: handlers of 1 ms, against as many slots × 1000 jobs/s or oiabd's plain drain of the same round, whichever is less.
Beside it how long a timer of 1 ms takes on this machine when nothing else runs: no handler can be through sooner."""

import subprocess

from . import chart, drain, peers, report
from .contenders import Failure

NAME = "slots"
WHAT = "handlers of 1 ms at 4, 16, 64 and 256 slots, against the ideal"

SLOTS = (4, 16, 64, 256)


def _measure(bench, one, connection, slots, ideal):
    # Long enough that the process's start does not count, short enough to wait for; the peers are slower.
    if isinstance(one, peers.Peer):
        count = int(min(bench.scaled(100_000), ideal * 6))
        figures = peers.measure(bench, one.with_environment(one.name, SLOTS=str(slots)), connection, count, rest="'sleepMs', 1")
    else:
        count = int(min(bench.scaled(200_000), ideal * 6))
        contender = one.with_environment(f"{one.name}, {slots} slots", OIABD_SLOTS=str(slots))
        figures = drain.measure(bench, contender, connection, count, payload='{"sleepMs": 1}')
    return figures | {"ideal": ideal, "share": figures["jobs_per_second"] / ideal}


def _bare_timer(bench):
    """@returns milliseconds"""
    return float(subprocess.run([bench.build / "bench" / "bench_timer"], capture_output=True, text=True, check=True).stdout)


def run(bench):
    oiabd, = bench.contenders("oiabd")
    contenders = [oiabd, *peers.named(bench, *peers.TUNED)]
    rounds = {one.name: {slots: [] for slots in SLOTS} for one in contenders}
    tops, timers = [], []
    with bench.server.connect() as connection:
        for number in range(bench.rounds):
            turn = number % len(contenders)
            tops.append(drain.measure(bench, oiabd, connection, bench.scaled(200_000))["jobs_per_second"])
            timers.append(_bare_timer(bench))
            bench.say(f"    a timer of 1 ms takes {timers[-1]:.2f} ms: {1 / timers[-1]:.2f} is the most for few slots")
            for slots in SLOTS:
                for one in contenders[turn:] + contenders[:turn]:
                    if one.name not in rounds:
                        continue
                    try:
                        figures = _measure(bench, one, connection, slots, min(slots * 1000, tops[-1]))
                    except Failure as failure:
                        if one is oiabd:
                            raise
                        bench.failed(failure)
                        del rounds[one.name]
                        continue
                    rounds[one.name][slots].append(figures)
                    bench.say(f"    {slots} slots, {one.name}: {figures['share']:.2f} of {figures['ideal']:,.0f} jobs/s")
    results = {name: {slots: {**report.medians(ones), **report.with_range("share", [one["share"] for one in ones]), "rounds": ones}
                      for slots, ones in of_slots.items()} for name, of_slots in rounds.items()}
    rows = [(f"{slots} slots, {name}", results[name][slots]) for slots in SLOTS for name in results]
    bench.show(report.text_table(
        ["1 ms each", "jobs/s", "ideal", "share", "lowest", "highest", "worker µs/job", "server µs/job", "WAL B/job",
         "commits/job", "dead tuples", "RSS MB"],
        [[label, f"{one['jobs_per_second']:,.0f}", f"{one['ideal']:,.0f}", f"{one['share']:.2f}", f"{one['share_lowest']:.2f}",
          f"{one['share_highest']:.2f}", f"{one['worker_cpu_us']:.1f}", f"{one['server_cpu_us']:.1f}", f"{one['wal_bytes']:.0f}",
          f"{one['commits']:.4f}", f"{one['dead_tuples']:,.0f}", f"{one['peak_rss_mb']:.0f}"] for label, one in rows]))
    # Under `slots` is oiabd, as the targets read it.
    bench.record(NAME, {"plain_drain": report.with_range("jobs_per_second", tops), **report.with_range("bare_timer_ms", timers),
                        "slots": results.pop("oiabd"), "peers": results})
    chart.bars(bench.out / "slots.svg", "handlers of 1 ms: share of the ideal", [
        chart.Bar(label, one["share"], one["share_lowest"], one["share_highest"]) for label, one in rows], "of the ideal", own="")
