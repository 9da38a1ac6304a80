"""Scenario memory: recall over a million memories of 1536 dimensions, by users who see ten, about two thousand and fifty thousand."""

import json
import subprocess

from . import report

NAME = "memory"
WHAT = "recall over clustered vectors: milliseconds, server CPU and recall@8, beside comparing every vector in full"


def run(bench):
    rows = bench.scaled(1_000_000)
    statements = bench.root / "lib/store/sql"
    with bench.server.connect() as connection:
        connection.query("TRUNCATE memories CASCADE")
        bench.say(f"  {rows:,} memories are made; that takes minutes")
        subprocess.run([bench.build / "bench/bench_memory_data", "--url", bench.server.url(), "--rows", str(rows)], check=True)
        connection.query("VACUUM ANALYZE memories")
        try:
            answer = subprocess.run(
                [bench.build / "bench/bench_memory_recall", "--url", bench.server.url(), "--rounds", str(bench.rounds),
                 "--before", "SET plan_cache_mode = force_generic_plan",
                 "--statements", f"recall={statements}/recall_similar.sql,in full={statements}/recall_exact.sql"],
                check=True, stdout=subprocess.PIPE, text=True)
        finally:
            connection.query("TRUNCATE memories CASCADE")
            connection.query("DROP TABLE IF EXISTS bench_questions")
    figures = [json.loads(line) for line in answer.stdout.splitlines()]
    bench.show(report.text_table(
        ["memory", "user", "p50 ms", "p95 ms", "p99 ms", "CPU ms", "recall@8"],
        [[one["statement"], one["user"], f"{one['p50_ms']:.2f}", f"{one['p95_ms']:.2f}", f"{one['p99_ms']:.2f}",
          f"{one['cpu_ms']:.2f}", f"{one['recall']:.4f}"] for one in figures]))
    bench.record(NAME, {"rows": rows, "figures": figures})
    return figures
