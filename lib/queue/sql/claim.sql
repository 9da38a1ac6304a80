-- Claims up to $2 due jobs of the given kinds, in the order priority, run_at, id over all of them.
-- $1 text[]    kinds that this worker handles and that are not paused
-- $2 integer   at most so many rows
-- $3 text      worker id
-- $4 interval  lease
-- $5 smallint[], $6 bigint[], $7 uuid[]  where each kind's range begins: priority, run_at in microseconds since 1970, id; all NULL: at the first
-- $8 smallint[]  its last priority, NULL: to the end. Ranges of one kind do not overlap; the kind is given once for each
-- $9 boolean   only in turn: nothing is taken while another claim is under way
-- Rows: the claimed jobs, unsorted (the caller sorts; a sort of a thousand rows is cheaper there). Each is running, its
-- attempts and lease_epoch are one higher, and its lease ends $4 from now. Times are seconds since 1970 (float8, may be infinite).
-- Zero rows: nothing was due, or what was due is locked by other workers: next_due.sql tells which; or it was not our turn:
-- claim_is_under_way.sql.
-- What no range covers is not found: the caller asks for everything often enough (runtime/low_water.hpp).
-- Index: jobs_ready_idx, one scan for each (kind, priority), which begins where its range does, or else at its first row. Running rows and
-- the entries of rows that are finished since, which VACUUM has not removed yet, are walked past once, to the first that is pending.
-- Priorities are found by a loose scan, so future rows and other kinds' rows are not walked. With one due pair its rows are locked
-- straight away; with several, the first $2 of the merged order are counted for each pair before they are locked.
-- Locks: FOR UPDATE SKIP LOCKED on the rows taken and no others; never waits. status is checked again under the lock. The advisory lock
-- 7236004 where it is free, so that claims in turn stand back: they would walk past, and lock in vain, what this one takes.
-- Durability: the transaction commits asynchronously. A claim that a crash of the server undoes is a pending row again, and every
-- later write about the attempt is durable only together with its claim, because the log is written in order.
WITH RECURSIVE pairs AS (
    SELECT k.kind, k.last, head.priority, head.run_at, head.id
    FROM (SELECT u.kind, coalesce(u.priority, -32768) AS priority,
                 coalesce(timestamptz 'epoch' + u.run_at * interval '1 microsecond', '-infinity') AS run_at,
                 coalesce(u.id, '00000000-0000-0000-0000-000000000000') AS id, coalesce(u.last, 32767) AS last
          FROM unnest($1::text[], $5::smallint[], $6::bigint[], $7::uuid[], $8::smallint[]) AS u(kind, priority, run_at, id, last)) AS k
    CROSS JOIN LATERAL (
        SELECT j.priority, j.run_at, j.id FROM jobs j
        WHERE j.kind COLLATE "C" = k.kind AND (j.priority, j.run_at, j.id) >= (k.priority, k.run_at, k.id) AND j.priority <= k.last
          AND j.finished_at IS NULL AND j.lane_ready AND j.status = 'pending'
        ORDER BY j.priority, j.run_at, j.id LIMIT 1) AS head
    UNION ALL
    SELECT p.kind, p.last, head.priority, head.run_at, head.id
    FROM pairs p
    CROSS JOIN LATERAL (
        SELECT j.priority, j.run_at, j.id FROM jobs j
        WHERE j.kind COLLATE "C" = p.kind AND j.priority > p.priority AND j.priority <= p.last
          AND j.finished_at IS NULL AND j.lane_ready AND j.status = 'pending'
        ORDER BY j.priority, j.run_at, j.id LIMIT 1) AS head
), due AS MATERIALIZED (
    SELECT kind, priority, run_at, id FROM pairs WHERE run_at <= now() ORDER BY priority
), quotas AS MATERIALIZED (
    SELECT kind, priority, run_at, id, $2::bigint AS quota FROM due WHERE (SELECT count(*) FROM due) = 1
    UNION ALL
    SELECT first.kind, first.priority, first.from_run_at, first.from_id, count(*)
    FROM (
        SELECT merged.kind, levels.priority, merged.from_run_at, merged.from_id
        FROM (SELECT DISTINCT priority FROM due WHERE (SELECT count(*) FROM due) > 1 ORDER BY priority) AS levels
        CROSS JOIN LATERAL (
            SELECT d.kind, d.run_at AS from_run_at, d.id AS from_id, c.run_at, c.id
            FROM due d
            CROSS JOIN LATERAL (
                SELECT j.run_at, j.id FROM jobs j
                WHERE j.kind COLLATE "C" = d.kind AND j.priority = d.priority AND (j.run_at, j.id) >= (d.run_at, d.id)
                  AND j.run_at <= now() AND j.finished_at IS NULL AND j.lane_ready AND j.status = 'pending'
                ORDER BY j.run_at, j.id LIMIT $2) AS c
            WHERE d.priority = levels.priority
            ORDER BY c.run_at, c.id LIMIT $2) AS merged
        LIMIT $2) AS first
    GROUP BY first.kind, first.priority, first.from_run_at, first.from_id
)
UPDATE jobs SET
    status = 'running', attempts = attempts + 1, lease_epoch = lease_epoch + 1,
    locked_by = $3, locked_at = now(), started_at = now(), dedupe_pending = NULL, lease_until = now() + $4::interval
WHERE (SELECT set_config('synchronous_commit', 'off', true)) = 'off'
  AND (SELECT CASE WHEN pg_try_advisory_xact_lock(7236004) THEN true ELSE NOT $9 END)
  AND ctid = ANY (ARRAY(
    SELECT taken.ctid
    FROM quotas q
    CROSS JOIN LATERAL (
        SELECT j.ctid FROM jobs j
        WHERE j.kind COLLATE "C" = q.kind AND j.priority = q.priority AND (j.run_at, j.id) >= (q.run_at, q.id)
          AND j.run_at <= now() AND j.finished_at IS NULL AND j.lane_ready AND j.status = 'pending'
        ORDER BY j.run_at, j.id LIMIT q.quota
        FOR UPDATE SKIP LOCKED) AS taken))
RETURNING id, kind, payload, lease_epoch, attempts, max_attempts, crash_count, priority, date_part('epoch', run_at) AS run_at,
    date_part('epoch', created_at) AS created_at, timeout_seconds, serial_key, dedupe_key, tenant_id, user_id
