"""Scenario once: what `oiabd --once` costs where there is nothing to do, as a whole process."""

import os
import subprocess
import time

from . import report, tables
from .contenders import Failure

NAME = "once"
WHAT = "oiabd --once on an empty queue, the whole process"
_NOTHING_TO_DO = 3


def run(bench):
    oiabd, = bench.contenders("oiabd")
    environment = {"OIABD_DATABASE_URL": bench.server.url(), "PATH": os.environ["PATH"], **oiabd.environment}
    times = []
    with bench.server.connect() as connection:
        tables.empty(connection)
    for _ in range(bench.scaled(60) + 3):
        began = time.monotonic()
        answer = subprocess.run([*oiabd.command, "--once"], env=environment, capture_output=True, text=True, check=False)
        times.append((time.monotonic() - began) * 1000)
        if answer.returncode != _NOTHING_TO_DO:
            raise Failure(f"oiabd --once ended with {answer.returncode}: {answer.stderr.strip()}")
    times = times[3:]  # the first ones read the program from disk
    figures = {"p50_ms": report.percentile(times, 50), "p99_ms": report.percentile(times, 99)}
    bench.show(report.text_table(["--once, nothing to do", "p50 ms", "p99 ms"],
                                 [["oiabd", f"{figures['p50_ms']:.1f}", f"{figures['p99_ms']:.1f}"]]))
    bench.record(NAME, {"runs": len(times), **figures})
