"""The command line of bench/run, and what every scenario is given."""

import argparse
import math
import os
import signal
import sys
import time
from pathlib import Path

from . import backfill, contenders, drain, drain_variants, idle, latency, memory, once, producing, report, turns
from .server import Server

SCENARIOS = {scenario.NAME: scenario
             for scenario in (drain, latency, idle, once, memory, backfill, turns, *producing.SCENARIOS, *drain_variants.SCENARIOS)}


class Bench:
    def __init__(self, root, options):
        self.root = root
        self.build = Path(os.environ.get("OIAB_BUILD", root / "build"))
        self.quick = options.quick
        self.rounds = options.rounds or (2 if options.quick else 4)
        self.scale = options.scale or (0.25 if options.quick else 1.0)
        self.patience = 300
        local = root / ".local" / "bench"
        self.logs = local / "logs"
        self.logs.mkdir(parents=True, exist_ok=True)
        # Short runs are for looking, not for the record.
        self.out = Path(options.out) if options.out else (local / "results" if options.quick else root / "docs/performance")
        self.server = Server(local / "pg")
        self._contenders = contenders.find_contenders(self.build)
        self.began = time.monotonic()

    def contenders(self, *names):
        return [self._contenders[name] for name in names]

    def scaled(self, count):
        return math.ceil(count * self.scale)

    def say(self, line):
        print(f"{line}", flush=True)

    def show(self, text):
        print(f"\n{text}\n", flush=True)

    def record(self, name, figures):
        report.write_json(self.out / f"{name}.json", {"machine": report.machine(self.server),
                                                      "revision": report.revision(self.root), **figures})


def parse(arguments):
    scenarios = "\n".join(f"  {name:<10} {module.WHAT}" for name, module in SCENARIOS.items())
    parser = argparse.ArgumentParser(
        prog="./dev bench", formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Measures oiabd beside the database's own limit, interleaved in one run, on a PostgreSQL of its own.",
        epilog=f"scenarios (all, where none is named):\n{scenarios}\n\nMethod and figures: docs/performance.md")
    parser.add_argument("scenario", nargs="*")
    parser.add_argument("--quick", action="store_true", help="all scenarios in about five minutes, results in .local/bench")
    parser.add_argument("--smoke", action="store_true",
                        help="one short drain; fails when oiabd is below 0.4 of LIMIT, never on an absolute time")
    parser.add_argument("--rounds", type=int, help="rounds a scenario (default 4, quick 2)")
    parser.add_argument("--scale", type=float, help="factor on the number of jobs (default 1, quick 0.25)")
    parser.add_argument("--out", help="folder of the results (default docs/performance, quick .local/bench/results)")
    options = parser.parse_args(arguments)
    for name in options.scenario:
        if name not in SCENARIOS:
            parser.error(f'no scenario is called "{name}"; there are: {", ".join(SCENARIOS)}')
    return options


def smoke(bench):
    """Passes as soon as one round does: a busy neighbour slows one of the two down now and then, a slow design always."""
    lowest = 0.4
    limit, oiabd = bench.contenders("LIMIT", "oiabd")
    best = 0.0
    with bench.server.connect() as connection:
        for _ in range(3):
            speeds = [drain.measure(bench, one, connection, 20_000)["jobs_per_second"] for one in (limit, oiabd)]
            ratio = speeds[1] / speeds[0]
            bench.say(f"  oiabd drains at {ratio:.2f} of LIMIT ({speeds[1]:,.0f} against {speeds[0]:,.0f} jobs/s)")
            best = max(best, ratio)
            if best >= lowest:
                return 0
    bench.say(f"  failed: {best:.2f} is below {lowest} of LIMIT in each of three rounds")
    return 1


def main(root, arguments):
    options = parse(arguments)
    # SIGTERM unwinds like Ctrl-C does, so that the server is stopped.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    bench = Bench(Path(root), options)
    if not (bench.build / "oiabd").exists():
        raise SystemExit(f"{bench.build / 'oiabd'} is missing; ./dev bench builds it and then comes here.")
    with bench.server:
        contenders.prepare_database(bench.server, bench.build)
        if options.smoke:
            return smoke(bench)
        for name in options.scenario or SCENARIOS:
            bench.say(f"  {name}: {SCENARIOS[name].WHAT}")
            SCENARIOS[name].run(bench)
        bench.say(f"  done in {time.monotonic() - bench.began:.0f} s; results in {bench.out}")
    return 0
