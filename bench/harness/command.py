"""The command line of bench/run, and what every scenario is given."""

import argparse
import math
import os
import signal
import sys
import time
from pathlib import Path

from . import (backfill, contenders, drain, drain_variants, fleet, idle, latency, memory, once, peers, producing, report, slots,
               snapshot, targets, turns)
from .server import Server

SCENARIOS = {scenario.NAME: scenario
             for scenario in (drain, latency, idle, once, backfill, turns, *memory.SCENARIOS, *producing.SCENARIOS,
                              *drain_variants.SCENARIOS, slots, snapshot, fleet)}

# What a run without names measures: all but the memories, which take longer to make than all of it to measure.
FULL = [name for name in SCENARIOS if name not in ("memory", "graph")]
# What is over soon: agent turns and the backfill wait for a provider's pace.
QUICK = [name for name in FULL if name not in ("turns", "backfill", "payload")]


class Terminated(BaseException):
    """SIGTERM: unwinds like Ctrl-C does, so that the server is stopped."""


class Bench:
    def __init__(self, root, options):
        self.root = root
        self.build = Path(os.environ.get("OIAB_BUILD", root / "build"))
        self.quick = options.quick
        self.rounds = options.rounds or (1 if options.quick else 3)
        self.scale = options.scale or (0.1 if options.quick else 1.0)
        self.patience = 300
        local = root / ".local" / "bench"
        self.logs = local / "logs"
        self.logs.mkdir(parents=True, exist_ok=True)
        # Short runs are for looking, not for the record.
        self.out = Path(options.out) if options.out else (local / "results" if options.quick else root / "docs/performance")
        self.server = Server(local / "pg")
        self._contenders = contenders.find_contenders(self.build)
        self._peers = None
        self._with_peers = not options.no_peers
        self.failures = []

    def environment(self):
        """For programs beside the daemon: what finds them, and the database."""
        return {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ} | \
            {"DATABASE_URL": self.server.url()}

    def peers(self):
        """Other job workers, installed when first asked for; none where that cannot be."""
        if self._peers is None:
            self._peers = peers.find(self) if self._with_peers else []
        return list(self._peers)

    def failed(self, error):
        """Notes what went wrong; the run goes on and ends with exit code 1."""
        self.failures.append(str(error))
        self.say(f"    failed: {error}")

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
        epilog=f"scenarios (where none is named: all but memory and graph; quick: not payload, turns and backfill either):\n{scenarios}\n\nMethod and figures: docs/performance.md")
    parser.add_argument("scenario", nargs="*")
    parser.add_argument("--quick", action="store_true",
                        help="a look at most scenarios within five minutes, results in .local/bench/results")
    parser.add_argument("--targets", action="store_true",
                        help="measure nothing; print the table of targets from the results in --out")
    parser.add_argument("--no-peers", action="store_true", help="leave the other job workers out, which come from npm")
    parser.add_argument("--smoke", action="store_true",
                        help="one short drain; fails when oiabd is below 0.4 of LIMIT, never on an absolute time")
    parser.add_argument("--rounds", type=int, help="rounds a scenario (default 3, quick 1)")
    parser.add_argument("--scale", type=float, help="factor on the number of jobs (default 1, quick 0.1)")
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


def measure(bench, names):
    """One scenario after the other, each with its results written at once; what fails does not stop those behind it."""
    for name in names:
        bench.say(f"  {name}: {SCENARIOS[name].WHAT}")
        began = time.monotonic()
        try:
            with bench.server.connect() as connection:
                contenders.reset_database(connection)
            SCENARIOS[name].run(bench)
        except (Exception, SystemExit) as error:  # whatever it is, the other scenarios' figures are worth having
            bench.failed(f"{name}: {error or type(error).__name__}")
        bench.say(f"  {name} took {time.monotonic() - began:.0f} s")


def main(root, arguments):
    options = parse(arguments)
    root = Path(root)
    if options.targets:
        print(targets.table(options.out or (root / ".local/bench/results" if options.quick else root / "docs/performance")))
        return 0

    def terminate(*_):
        raise Terminated

    signal.signal(signal.SIGTERM, terminate)
    bench = Bench(root, options)
    if not (bench.build / "oiabd").exists():
        raise SystemExit(f"{bench.build / 'oiabd'} is missing; ./dev bench builds it and then comes here.")
    began = time.monotonic()
    try:
        with bench.server:
            contenders.prepare_database(bench.server, bench.build)
            if options.smoke:
                return smoke(bench)
            bench.say(f"  the server is up after {time.monotonic() - began:.0f} s")
            measure(bench, options.scenario or (QUICK if options.quick else FULL))
    except Terminated:
        return 143
    bench.show(targets.table(bench.out))
    bench.say(f"  done in {time.monotonic() - began:.0f} s; results in {bench.out}")
    for failure in bench.failures:
        bench.say(f"  failed: {failure}")
    return 1 if bench.failures else 0
