-- Claims up to $2 due jobs of the given kinds, in the order priority, run_at, id over all of them.
-- $1 text[]    kinds that this worker handles and that are not paused
-- $2 integer   at most so many rows
-- $3 text      worker id
-- $4 interval  lease
-- Rows: the claimed jobs, unsorted (the caller sorts; a sort of a thousand rows is cheaper there). Each is running, its
-- attempts and lease_epoch are one higher, and its lease ends $4 from now. Times are seconds since 1970 (float8, may be infinite).
-- Zero rows: nothing was due, or what was due is locked by other workers. next_due.sql tells which.
-- Index: jobs_ready_idx, one range for each (kind, priority). Kinds and priorities are found by a loose scan, so future rows,
-- other kinds' rows and finished rows are not walked. With one due pair its rows are locked straight away; with several, the
-- first $2 of the merged order are counted for each pair before they are locked.
-- Locks: FOR UPDATE SKIP LOCKED on the rows taken and no others; never waits. status is checked again under the lock.
WITH RECURSIVE pairs AS (
    SELECT k.kind, head.priority, head.run_at
    FROM unnest($1::text[]) AS k(kind)
    CROSS JOIN LATERAL (
        SELECT j.priority, j.run_at FROM jobs j
        WHERE j.kind COLLATE "C" = k.kind AND j.finished_at IS NULL AND j.lane_ready
        ORDER BY j.priority, j.run_at, j.id LIMIT 1) AS head
    UNION ALL
    SELECT p.kind, head.priority, head.run_at
    FROM pairs p
    CROSS JOIN LATERAL (
        SELECT j.priority, j.run_at FROM jobs j
        WHERE j.kind COLLATE "C" = p.kind AND j.priority > p.priority AND j.finished_at IS NULL AND j.lane_ready
        ORDER BY j.priority, j.run_at, j.id LIMIT 1) AS head
), due AS MATERIALIZED (
    SELECT kind, priority FROM pairs WHERE run_at <= now() ORDER BY priority
), quotas AS MATERIALIZED (
    SELECT kind, priority, $2::bigint AS quota FROM due WHERE (SELECT count(*) FROM due) = 1
    UNION ALL
    SELECT first.kind, first.priority, count(*)
    FROM (
        SELECT merged.kind, levels.priority
        FROM (SELECT DISTINCT priority FROM due WHERE (SELECT count(*) FROM due) > 1 ORDER BY priority) AS levels
        CROSS JOIN LATERAL (
            SELECT d.kind, c.run_at, c.id
            FROM due d
            CROSS JOIN LATERAL (
                SELECT j.run_at, j.id FROM jobs j
                WHERE j.kind COLLATE "C" = d.kind AND j.priority = d.priority AND j.run_at <= now()
                  AND j.finished_at IS NULL AND j.lane_ready AND j.status = 'pending'
                ORDER BY j.run_at, j.id LIMIT $2) AS c
            WHERE d.priority = levels.priority
            ORDER BY c.run_at, c.id LIMIT $2) AS merged
        LIMIT $2) AS first
    GROUP BY first.kind, first.priority
)
UPDATE jobs SET
    status = 'running', attempts = attempts + 1, lease_epoch = lease_epoch + 1,
    locked_by = $3, locked_at = now(), started_at = now(), lease_until = now() + $4::interval
WHERE ctid = ANY (ARRAY(
    SELECT taken.ctid
    FROM quotas q
    CROSS JOIN LATERAL (
        SELECT j.ctid FROM jobs j
        WHERE j.kind COLLATE "C" = q.kind AND j.priority = q.priority AND j.run_at <= now()
          AND j.finished_at IS NULL AND j.lane_ready AND j.status = 'pending'
        ORDER BY j.run_at, j.id LIMIT q.quota
        FOR UPDATE SKIP LOCKED) AS taken))
RETURNING id, kind, payload, lease_epoch, attempts, max_attempts, crash_count, priority, date_part('epoch', run_at) AS run_at,
    date_part('epoch', created_at) AS created_at, timeout_seconds, serial_key, dedupe_key, tenant_id, user_id
