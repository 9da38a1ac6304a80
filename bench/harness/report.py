"""Figures of several rounds: medians and spread, a table for people, JSON for programs."""

import json
import os
import platform
import statistics
import subprocess
from datetime import datetime, timezone
from pathlib import Path


def median(values):
    return statistics.median(values)


def spread(values):
    """Half the distance between lowest and highest, against the median: ±x."""
    middle = median(values)
    return (max(values) - min(values)) / 2 / middle if middle else 0.0


def percentile(values, share):
    """Nearest rank: the smallest value that at least `share` of all do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, -(-len(ordered) * share // 100) - 1)]


def medians(rounds):
    """Of a list of flat dicts of numbers, the dict of their medians."""
    return {key: median([one[key] for one in rounds]) for key in rounds[0]}


def with_range(name, values):
    """A median under its name, and the lowest and the highest beside it."""
    return {name: median(values), f"{name}_lowest": min(values), f"{name}_highest": max(values)}


def machine(server):
    with server.connect() as connection:
        version = connection.value("SHOW server_version")
    memory = next(int(line.split()[1]) for line in Path("/proc/meminfo").read_text(encoding="utf-8").splitlines()
                  if line.startswith("MemTotal"))
    return {"cores": os.cpu_count(), "memory_gib": round(memory / 2**20), "kernel": platform.release().split("-")[0],
            "postgresql": version.split()[0]}


def revision(root):
    answer = subprocess.run(["git", "-C", root, "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)
    return answer.stdout.strip() or None


def text_table(header, rows):
    """Columns as wide as they need; the first is text, the others are numbers."""
    cells = [header] + [[str(cell) for cell in row] for row in rows]
    widths = [max(len(row[column]) for row in cells) for column in range(len(header))]
    lines = ["  ".join(cell.ljust(width) if column == 0 else cell.rjust(width)
                       for column, (cell, width) in enumerate(zip(row, widths))) for row in cells]
    lines.insert(1, "  ".join("-" * width for width in widths))
    return "\n".join(lines)


def markdown_table(header, rows):
    """The same for documents; the columns of the source line up, too."""
    widths = [max(3, *(len(row[column]) for row in [header, *rows])) for column in range(len(header))]
    rule = ["-" * width for width in widths]
    return "\n".join("| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths)) + " |" for row in [header, rule, *rows])


def write_json(path, content):
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    content = {"measured_at": datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%MZ"), **content}
    # Whole or not at all: an interrupted run leaves the former figures.
    new = Path(path).with_suffix(".new")
    new.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    new.replace(path)
