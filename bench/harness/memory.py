"""Scenarios memory and graph: recall by users who see few, the usual number and very many memories of 1536 dimensions."""

import json
import subprocess
import time
from contextlib import contextmanager
from types import SimpleNamespace

from . import report


@contextmanager
def _memories(bench, rows, questions):
    with bench.server.connect() as connection:
        connection.query("TRUNCATE memories CASCADE")
        bench.say(f"  {rows:,} memories are made; that takes minutes")
        try:
            subprocess.run([bench.build / "bench/bench_memory_data", "--url", bench.server.url(), "--rows", str(rows),
                            "--questions", str(questions)], check=True)
            connection.query("VACUUM ANALYZE memories")
            yield connection
        finally:
            connection.query("TRUNCATE memories CASCADE")
            connection.query("DROP TABLE IF EXISTS bench_questions")


def _ask(bench, before, statements):
    """Asks all questions with each of the statements in turn. @returns the figures by statement and kind of user."""
    answer = subprocess.run(
        [bench.build / "bench/bench_memory_recall", "--url", bench.server.url(), "--rounds", str(bench.rounds),
         "--before", f"SET plan_cache_mode = force_generic_plan{before}",
         "--statements", ",".join(f"{name}={bench.root / file}" for name, file in statements.items())],
        check=True, stdout=subprocess.PIPE, text=True)
    figures = [json.loads(line) for line in answer.stdout.splitlines()]
    bench.show(report.text_table(
        ["memory", "user", "p50 ms", "p95 ms", "p99 ms", "CPU ms", "recall@8"],
        [[one["statement"], one["user"], f"{one['p50_ms']:.2f}", f"{one['p95_ms']:.2f}", f"{one['p99_ms']:.2f}",
          f"{one['cpu_ms']:.2f}", f"{one['recall']:.4f}"] for one in figures]))
    return figures


def _memory(bench):
    rows = bench.scaled(1_000_000)
    with _memories(bench, rows, 200):
        figures = _ask(bench, "", {"recall": "lib/store/sql/recall_similar.sql", "in full": "lib/store/sql/recall_exact.sql"})
    bench.record("memory", {"rows": rows, "figures": figures})
    return figures


# How far a scan of the graph may go on, one set of settings after the other. The planner would walk through the user's rows instead, so it
# is told not to: the question is what the graph would take.
_GRAPH_ONLY = "; SET enable_seqscan = off; SET enable_bitmapscan = off; SET hnsw.iterative_scan = relaxed_order"
_SCANS = {"graph: 20 000 entries at most": "",
          "graph: all entries at most": "; SET hnsw.max_scan_tuples = 2000000; SET hnsw.scan_mem_multiplier = 8"}


def _graph(bench):
    """The same questions by signs and by a graph over everybody's memories, at a size at which the graph can be built."""
    rows = bench.scaled(100_000)
    figures = []
    with _memories(bench, rows, 50) as connection:
        connection.query("SET maintenance_work_mem = '2GB'; SET max_parallel_maintenance_workers = 2")
        began = time.monotonic()
        connection.query("CREATE INDEX bench_graph_idx ON memories USING hnsw ((embedding::halfvec(1536)) halfvec_cosine_ops)")
        seconds = time.monotonic() - began
        try:
            size = int(connection.value("SELECT pg_relation_size('bench_graph_idx')"))
            bench.say(f"    the graph took {seconds:.0f} s and {size / 2**20:.0f} MB")
            for name, scan in _SCANS.items():
                figures += _ask(bench, _GRAPH_ONLY + scan, {"signs": "lib/store/sql/recall_similar.sql", name: "bench/recall_graph.sql"})
        finally:
            connection.query("DROP INDEX bench_graph_idx")
    bench.record("graph", {"rows": rows, "build_seconds": seconds, "graph_bytes": size, "figures": figures})
    return figures


SCENARIOS = (
    SimpleNamespace(NAME="memory", WHAT="recall over clustered vectors: milliseconds, server CPU and recall@8, beside comparing every vector in full",
                    run=_memory),
    SimpleNamespace(NAME="graph", WHAT="the same by a graph (HNSW, half precision, iterative scan) over 100 000 memories, beside the signs", run=_graph),
)
