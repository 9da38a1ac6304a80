"""Scenario backfill: embeddings for many memories, from a provider that takes its time, by a job
that names no limit and by a chain of small ones."""

import math
import time

from . import report, tables, turns, usage
from .contenders import Worker

NAME = "backfill"
WHAT = "embed 100 000 memories, a provider that answers each call of 96 texts in 200 ms: time against the provider's own"

DELAY_MS = 200
TEXTS_A_CALL = 96
CALLS_AT_ONCE = 4  # of one job


def prepare(connection, memories):
    tables.empty(connection)
    connection.query("TRUNCATE tenants, users, memories, embedding_cache, usage_events CASCADE")
    connection.query(
        "INSERT INTO tenants (id, name, slug) VALUES ('00000000-0000-7000-8000-0000000000aa', 'Bench', 'bench');"
        "INSERT INTO users (handle, tenant_id) SELECT 'user-' || n, '00000000-0000-7000-8000-0000000000aa' FROM generate_series(1, 100) n;"
        "INSERT INTO memories (user_id, tenant_id, content) SELECT u.id, u.tenant_id, 'Memory ' || n || ' of ' || u.handle "
        f"FROM users u, generate_series(1, {memories // 100}) n")
    connection.query("VACUUM (ANALYZE) memories")
    connection.query("CHECKPOINT")


def left(connection):
    return int(connection.value("SELECT count(*) FROM memories WHERE embedding_model IS NULL"))


# What is asked for, and what kind of server answers.
VARIANTS = {
    "default": {"limit": None, "options": ()},
    "default, numbers": {"limit": None, "options": ("--only-numbers", "1")},
    "jobs of 1000": {"limit": 1000, "options": ()},
}


def measure(bench, connection, name, memories):
    variant = VARIANTS[name]
    prepare(connection, memories)
    limit = f", 'limit', {variant['limit']}" if variant["limit"] else ""
    with turns.Provider(bench, DELAY_MS, *variant["options"]) as provider:
        contender = bench.contenders("oiabd")[0].with_environment(
            "oiabd", OIABD_RUNTIME="direct", OIABD_LLM_BASE_URL=f"{provider.url}/v1", OIABD_LLM_MODEL="bench-1",
            OIABD_EMBEDDING_MODEL="bench-embed", OIABD_LOG_FORMAT="json")
        with Worker(contender, bench.server.url(), bench.logs) as process:
            turns.wait_until_serving(process, '"ready"')
            server_cpu = usage.family_cpu_seconds(bench.server.process.pid)
            cpu = usage.cpu_seconds(process.pid)
            began = time.monotonic()
            connection.query("INSERT INTO jobs (kind, payload) VALUES ('embed-memories', jsonb_build_object("
                             f"'tenantId', '00000000-0000-7000-8000-0000000000aa'{limit}))")
            while tables.unfinished(connection, "jobs") > 0:
                if time.monotonic() > began + bench.patience or not process.running():
                    raise process.failure(f"left {left(connection)} memories without their embedding")
                time.sleep(0.1)
            seconds = time.monotonic() - began
            one = {"of_provider": math.ceil(memories / TEXTS_A_CALL / CALLS_AT_ONCE) * DELAY_MS / 1000 / seconds,
                   "memories_per_second": memories / seconds,
                   "rss_mb": usage.peak_resident_mb(process.pid),
                   "worker_ms_per_memory": (usage.cpu_seconds(process.pid) - cpu) / memories * 1000,
                   "server_ms_per_memory": (usage.family_cpu_seconds(bench.server.process.pid) - server_cpu) / memories * 1000}
        stats = provider.stats()
    # More calls at once than one job has would be another pace than the one that is compared with.
    if left(connection) > 0 or stats["texts"] != memories or stats["most_in_flight"] > CALLS_AT_ONCE:
        raise SystemExit(f"oiabd left {left(connection)} memories; the provider: {stats}")
    return one | {"calls": stats["calls"], "provider_ms_per_memory": stats["cpu_seconds"] / memories * 1000}


def run(bench):
    memories = bench.scaled(100_000)
    rounds = {name: [] for name in VARIANTS}
    with bench.server.connect() as connection:
        for number in range(bench.rounds):
            for name in VARIANTS:
                one = measure(bench, connection, name, memories)
                rounds[name].append(one)
                bench.say(f"    round {number + 1} {name}: {one['of_provider']:.2f} of the provider's pace")
    figures = {name: {**report.medians(results), "rounds": results} for name, results in rounds.items()}
    bench.show(report.text_table(
        ["backfill", "memories/s", "of the provider's", "calls", "RSS MB", "worker ms/memory", "server ms/memory", "provider ms/memory"],
        [[name, f"{one['memories_per_second']:.0f}", f"{one['of_provider']:.2f}", f"{one['calls']:.0f}", f"{one['rss_mb']:.0f}",
          f"{one['worker_ms_per_memory']:.2f}", f"{one['server_ms_per_memory']:.2f}", f"{one['provider_ms_per_memory']:.2f}"]
         for name, one in figures.items()]))
    bench.record(NAME, {"memories": memories, "answer_ms": DELAY_MS, "variants": figures})
    return figures
