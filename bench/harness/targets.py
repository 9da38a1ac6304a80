"""The targets: each row's figure out of the scenarios' JSON files, its goal, and whether it is met."""

import json
from dataclasses import dataclass
from pathlib import Path

from . import report


@dataclass(frozen=True)
class Target:
    row: str
    what: str
    scenario: str
    figure: object          # of the scenario's file
    goal: float
    at_least: bool
    unit: str = ""

    def met(self, value):
        return value >= self.goal if self.at_least else value <= self.goal


def _of(*path):
    def figure(file):
        for key in path:
            file = file[key]
        return file
    return figure


_OIABD = ("contenders", "oiabd")

TARGETS = [
    Target("1", "drain, rows kept", "drain", _of(*_OIABD, "ratio"), 1.3, True, "× LIMIT"),
    Target("2", "drain, rows deleted", "delete", _of("contenders", "oiabd, deletes", "ratio"), 1.5, True, "× LIMIT"),
    Target("3", "insert and drain at once", "sustained", _of(*_OIABD, "ratio"), 0.9, True, "× LIMIT"),
    Target("4", "handlers of 1 ms, the worst of 4 to 256 slots", "slots",
           lambda file: min(one["share"] for one in file["slots"].values()), 0.9, True, "of ideal"),
    Target("5", "idle latency, p50", "latency", _of(*_OIABD, "ratio_p50"), 1.2, False, "× floor"),
    Target("5", "idle latency, p99", "latency", _of(*_OIABD, "ratio_p99"), 1.2, False, "× floor"),
    Target("6", "latency at half load, p99", "load", _of("p99_ms"), 10, False, "ms"),
    Target("7", "held snapshot, in batches", "snapshot", _of("batched", "last_to_first"), 0.9, True, "last/first"),
    Target("7", "held snapshot, one slot", "snapshot", _of("one_slot", "last_to_first"), 0.9, True, "last/first"),
    *(Target("8", f"backlog: {name}", "backlog", _of("backlogs", name, "ratio"), 0.9, True, "× alone")
      for name in ("future", "unhandled", "lanes", "paused", "finished")),
    Target("9", "worker CPU a job", "drain", _of(*_OIABD, "worker_cpu_us"), 3, False, "µs"),
    Target("9", "resident memory, idle", "idle", _of("rss_mb"), 20, False, "MB"),
    Target("9", "resident memory, drain", "drain", _of(*_OIABD, "peak_rss_mb"), 40, False, "MB"),
    Target("10", "WAL a job", "drain", _of(*_OIABD, "wal_bytes"), 800, False, "B"),
    Target("10", "commits a job", "drain", _of(*_OIABD, "commits"), 0.01, False),
    Target("11", "--once, nothing to do", "once", _of("p50_ms"), 30, False, "ms"),
    Target("12", "1000 turns in flight", "turns", _of(*_OIABD, "of_ideal"), 0.9, True, "of ideal"),
    Target("12", "resident memory of them", "turns", _of(*_OIABD, "rss_mb"), 150, False, "MB"),
    Target("13", "32 producers, NOTIFY on", "producers", _of("producers", "32", "ratio"), 0.9, True, "× off"),
    Target("14", "8 daemons on one queue", "fleet", _of("fleets", "eight", "ratio"), 0.9, True, "× one"),
    Target("15", "recall among a million, p99", "memory",
           lambda file: max(one["p99_ms"] for one in file["figures"] if one["statement"] == "recall"), 5, False, "ms"),
    Target("15", "recall@8", "memory",
           lambda file: min(one["recall"] for one in file["figures"] if one["statement"] == "recall"), 0.95, True),
]


def read(folder):
    """[(target, figure or None, when it was measured, at which revision)]: None where the folder has no such figure."""
    files = {}
    for target in TARGETS:
        path = Path(folder) / f"{target.scenario}.json"
        if target.scenario not in files and path.exists():
            files[target.scenario] = json.loads(path.read_text(encoding="utf-8"))
    rows = []
    for target in TARGETS:
        file = files.get(target.scenario, {})
        try:
            value = target.figure(file)
        except (KeyError, TypeError, ValueError):
            value = None  # never measured, or by a harness that did not take it
        rows.append((target, value, file.get("measured_at"), file.get("revision")))
    return rows


def table(folder):
    """The table of targets, as Markdown that reads well as it is."""
    lines = [["row", "target", "scenario", "goal", "figure", "", "measured at", "revision"]]
    for target, value, when, revision in read(folder):
        sign = "≥" if target.at_least else "≤"
        lines.append([target.row, target.what, target.scenario, f"{sign} {target.goal:g} {target.unit}".strip(),
                      "–" if value is None else f"{value:.3g}", "not measured" if value is None else
                      "met" if target.met(value) else "missed", when or "–", revision or "–"])
    return report.markdown_table(lines[0], lines[1:])
