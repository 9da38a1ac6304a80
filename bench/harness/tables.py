"""The tables that are measured, and how they are filled: the plain one of LIMIT, and the project's own."""

# What a queue looks like when nobody thought about it: the eleven published columns, a random key, one partial index.
PLAIN = """
CREATE SCHEMA IF NOT EXISTS bench;
CREATE TABLE IF NOT EXISTS bench.plain_jobs (
    id           uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    kind         text NOT NULL,
    status       text NOT NULL DEFAULT 'pending',
    payload      jsonb NOT NULL DEFAULT '{}',
    run_at       timestamptz NOT NULL DEFAULT now(),
    attempts     integer NOT NULL DEFAULT 0,
    max_attempts integer NOT NULL DEFAULT 3,
    locked_by    text,
    locked_at    timestamptz,
    result       jsonb,
    created_at   timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX IF NOT EXISTS plain_jobs_ready_idx ON bench.plain_jobs (run_at) WHERE status = 'pending';
CREATE OR REPLACE FUNCTION bench.notify() RETURNS trigger LANGUAGE plpgsql AS
    $$BEGIN NOTIFY bench_jobs; RETURN NULL; END$$;
CREATE OR REPLACE TRIGGER plain_jobs_notify AFTER INSERT ON bench.plain_jobs
    FOR EACH STATEMENT EXECUTE FUNCTION bench.notify();
"""

# 45 bytes of JSON text.
PAYLOAD = '{"number": 123456, "text": "forty-five byte"}'


def fill(connection, table, count, payload_sql=f"'{PAYLOAD}'::jsonb"):
    """Adds no-op jobs as one would find them after a busy while: due one after the other, ten microseconds apart."""
    connection.query(
        f"INSERT INTO {table} (kind, payload, run_at) SELECT 'noop', {payload_sql}, "
        f"now() - ({count} - n) * interval '10 microseconds' FROM generate_series(1, {count}) AS n")


def fill_finished(connection, table, count):
    """Adds jobs that were done a day ago."""
    finished, a_day_ago = (", finished_at", ", now() - interval '1 day'") if table == "jobs" else ("", "")
    connection.query(f"INSERT INTO {table} (kind, status, run_at{finished}) SELECT 'noop', 'completed', now() - interval '1 day'"
                     f"{a_day_ago} FROM generate_series(1, {count})")


def empty(connection):
    """Both tables, so that nobody pays for another's leftovers."""
    connection.query("TRUNCATE bench.plain_jobs")
    connection.query("TRUNCATE jobs")


def settle_down(connection, *tables):
    """Leaves the server as if it had rested: vacuumed, analyzed, nothing left to write."""
    for table in tables:
        connection.query(f"VACUUM (ANALYZE) {table}")
    connection.query("CHECKPOINT")


def unfinished(connection, table):
    if table == "jobs":
        return int(connection.value("SELECT count(*) FROM jobs WHERE finished_at IS NULL"))
    return int(connection.value(f"SELECT count(*) FROM {table} WHERE status IN ('pending', 'running')"))


# The due no-op jobs as jobs_ready_idx has them.
_DUE = ("FROM jobs WHERE kind COLLATE \"C\" = 'noop' AND priority = 0 AND run_at <= now() AND finished_at IS NULL "
        "AND lane_ready")


def last_due(connection, table):
    """The job that will be claimed last: while it is unfinished, nothing else needs to be looked at."""
    if table == "jobs":
        return connection.value(f"SELECT id {_DUE} ORDER BY run_at DESC, id DESC LIMIT 1")
    return connection.value(f"SELECT id FROM {table} WHERE status = 'pending' ORDER BY run_at DESC LIMIT 1")


def first_due(connection, table):
    """When the first job that is due was to run. Walks past everything that is finished and not vacuumed yet."""
    return connection.value(f"SELECT min(run_at) FROM {table} WHERE status = 'pending'")


def is_finished(connection, table, job):
    return connection.query(f"SELECT 1 FROM {table} WHERE id = '{job}' AND status IN ('completed', 'failed')") != [] or \
        connection.query(f"SELECT 1 FROM {table} WHERE id = '{job}'") == []


def has_due_work(connection, table, among_others=False, since=None):
    """Whether a due no-op job is unfinished. Walks what the claims left behind in the index: not for every millisecond.
    `among_others`: what has been due for half an hour is not meant, it may not run. `since`: nor what was due before."""
    if table == "jobs":
        recent = f"AND run_at >= '{since}'" if since else "AND run_at > now() - interval '30 min'" if among_others else ""
        return bool(connection.query(f"SELECT 1 {_DUE} {recent} ORDER BY run_at, id LIMIT 1"))
    return bool(connection.query(f"SELECT 1 FROM {table} WHERE status = 'pending' ORDER BY run_at LIMIT 1"))
