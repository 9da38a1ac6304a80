-- Claims up to $2 due jobs of the given kinds, in the order priority, run_at, id over all of them.
-- $1 text[]    kinds that this worker handles and that are not paused
-- $2 integer   at most so many rows
-- $3 text      worker id
-- $4 interval  lease
-- $5 integer[] low-water mark of each kind: its due rows are looked for from this priority on; NULL: from the first
-- $6 bigint[]  ... and, within that priority, from this run_at on, in microseconds since 1970; NULL where $5 is
-- Rows: the claimed jobs, unsorted (the caller sorts; a sort of a thousand rows is cheaper there). Each is running, its
-- attempts and lease_epoch are one higher, and its lease ends $4 from now. Times are seconds since 1970 (float8, may be infinite).
-- Zero rows: nothing was due, or what was due is locked by other workers. next_due.sql tells which.
-- A row below its kind's mark is not found: the caller leaves the marks out often enough (runtime/low_water.hpp).
-- Index: jobs_ready_idx, one range for each (kind, priority); with a mark the range begins there, past the entries of rows that are
-- finished since, which VACUUM has not removed yet. Kinds and priorities are found by a loose scan, so future rows,
-- other kinds' rows and finished rows are not walked. With one due pair its rows are locked straight away; with several, the
-- first $2 of the merged order are counted for each pair before they are locked.
-- Locks: FOR UPDATE SKIP LOCKED on the rows taken and no others; never waits. status is checked again under the lock.
-- Durability: the transaction commits asynchronously. A claim that a crash of the server undoes is a pending row again, and every
-- later write about the attempt is durable only together with its claim, because the log is written in order.
WITH RECURSIVE pairs AS (
    SELECT k.kind, head.priority, head.run_at, CASE WHEN head.priority = k.priority THEN k.low ELSE '-infinity' END AS low
    FROM (SELECT u.kind, coalesce(u.priority, -2147483648) AS priority,
                 coalesce(timestamptz 'epoch' + u.low * interval '1 microsecond', '-infinity') AS low
          FROM unnest($1::text[], $5::integer[], $6::bigint[]) AS u(kind, priority, low)) AS k
    CROSS JOIN LATERAL (
        SELECT j.priority, j.run_at FROM jobs j
        WHERE j.kind COLLATE "C" = k.kind AND (j.priority, j.run_at) >= (k.priority, k.low)
          AND j.finished_at IS NULL AND j.lane_ready
        ORDER BY j.priority, j.run_at, j.id LIMIT 1) AS head
    UNION ALL
    SELECT p.kind, head.priority, head.run_at, '-infinity'
    FROM pairs p
    CROSS JOIN LATERAL (
        SELECT j.priority, j.run_at FROM jobs j
        WHERE j.kind COLLATE "C" = p.kind AND j.priority > p.priority AND j.finished_at IS NULL AND j.lane_ready
        ORDER BY j.priority, j.run_at, j.id LIMIT 1) AS head
), due AS MATERIALIZED (
    SELECT kind, priority, low FROM pairs WHERE run_at <= now() ORDER BY priority
), quotas AS MATERIALIZED (
    SELECT kind, priority, low, $2::bigint AS quota FROM due WHERE (SELECT count(*) FROM due) = 1
    UNION ALL
    SELECT first.kind, first.priority, first.low, count(*)
    FROM (
        SELECT merged.kind, levels.priority, merged.low
        FROM (SELECT DISTINCT priority FROM due WHERE (SELECT count(*) FROM due) > 1 ORDER BY priority) AS levels
        CROSS JOIN LATERAL (
            SELECT d.kind, d.low, c.run_at, c.id
            FROM due d
            CROSS JOIN LATERAL (
                SELECT j.run_at, j.id FROM jobs j
                WHERE j.kind COLLATE "C" = d.kind AND j.priority = d.priority AND j.run_at >= d.low AND j.run_at <= now()
                  AND j.finished_at IS NULL AND j.lane_ready AND j.status = 'pending'
                ORDER BY j.run_at, j.id LIMIT $2) AS c
            WHERE d.priority = levels.priority
            ORDER BY c.run_at, c.id LIMIT $2) AS merged
        LIMIT $2) AS first
    GROUP BY first.kind, first.priority, first.low
)
UPDATE jobs SET
    status = 'running', attempts = attempts + 1, lease_epoch = lease_epoch + 1,
    locked_by = $3, locked_at = now(), started_at = now(), lease_until = now() + $4::interval
WHERE (SELECT set_config('synchronous_commit', 'off', true)) = 'off'
  AND ctid = ANY (ARRAY(
    SELECT taken.ctid
    FROM quotas q
    CROSS JOIN LATERAL (
        SELECT j.ctid FROM jobs j
        WHERE j.kind COLLATE "C" = q.kind AND j.priority = q.priority AND j.run_at >= q.low AND j.run_at <= now()
          AND j.finished_at IS NULL AND j.lane_ready AND j.status = 'pending'
        ORDER BY j.run_at, j.id LIMIT q.quota
        FOR UPDATE SKIP LOCKED) AS taken))
RETURNING id, kind, payload, lease_epoch, attempts, max_attempts, crash_count, priority, date_part('epoch', run_at) AS run_at,
    date_part('epoch', created_at) AS created_at, timeout_seconds, serial_key, dedupe_key, tenant_id, user_id
