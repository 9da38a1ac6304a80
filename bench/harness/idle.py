"""Scenario idle: what a daemon with nothing to do costs: memory, CPU, wake-ups, and every statement that it sends."""

import time

from . import report, tables, usage
from .contenders import Worker

NAME = "idle"
WHAT = "idle daemon: resident memory, CPU, wake-ups, and the statements it sends (pg_stat_statements)"


def run(bench):
    seconds = 10 if bench.quick else 60
    contender = bench.contenders("oiabd")[0]
    with bench.server.connect() as connection:
        tables.empty(connection)
        connection.query("ALTER DATABASE oiab SET pg_stat_statements.track = 'top'")
        try:
            with Worker(contender, bench.server.url(), bench.logs) as worker:
                worker.wait_until_serving(bench.server)
                time.sleep(6)  # what follows a start is over after one poll
                connection.query("SELECT pg_stat_statements_reset()")
                cpu, switches = usage.cpu_seconds(worker.pid), usage.context_switches(worker.pid)
                server_cpu = usage.family_cpu_seconds(bench.server.process.pid)
                time.sleep(seconds)
                cpu = usage.cpu_seconds(worker.pid) - cpu
                switches = usage.context_switches(worker.pid) - switches
                server_cpu = usage.family_cpu_seconds(bench.server.process.pid) - server_cpu
                resident = usage.resident_mb(worker.pid)
                statements = connection.query(
                    "SELECT regexp_replace(regexp_replace(query, '--[^\\n]*', '', 'g'), '\\s+', ' ', 'g'), calls "
                    "FROM pg_stat_statements s JOIN pg_database d ON d.oid = s.dbid WHERE d.datname = 'oiab' "
                    "AND query !~ 'pg_stat_statements' ORDER BY calls DESC, query")
        finally:
            connection.query("ALTER DATABASE oiab RESET pg_stat_statements.track")
    figures = {"seconds": seconds, "rss_mb": resident, "cpu_percent": cpu / seconds * 100,
               "server_cpu_percent": server_cpu / seconds * 100, "wake_ups_per_second": switches / seconds,
               "statements_per_second": sum(int(calls) for _, calls in statements) / seconds,
               "statements": [{"calls": int(calls), "text": text.strip()[:160]} for text, calls in statements]}
    bench.show(report.text_table(
        ["idle", "RSS MB", "CPU %", "server CPU %", "wake-ups/s", "statements/s"],
        [["oiabd", f"{resident:.1f}", f"{figures['cpu_percent']:.2f}", f"{figures['server_cpu_percent']:.2f}",
          f"{figures['wake_ups_per_second']:.1f}", f"{figures['statements_per_second']:.2f}"]]))
    bench.show("\n".join(f"  {one['calls']:>4} × {one['text'][:110]}" for one in figures["statements"]))
    bench.record(NAME, figures)
    return figures
