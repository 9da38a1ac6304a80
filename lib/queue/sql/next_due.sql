-- How long until something of these kinds can be claimed.
-- $1 text[]  kinds
-- $2 smallint[], $3 bigint[], $4 uuid[], $5 smallint[]  the range of each, as for claim.sql
-- Rows: always one; wait_ms is milliseconds by the server's clock, 0 where something is due now (after a claim that got nothing:
-- locked by others), NULL where nothing is pending or all of it is due at infinity.
-- Index: jobs_ready_idx, a loose scan over (kind, priority). Running rows at the head of a range are passed over; their number is
-- bounded by the slots of all workers. Locks: none.
WITH RECURSIVE pairs AS (
    SELECT k.kind, k.last, head.priority, head.run_at
    FROM (SELECT u.kind, coalesce(u.priority, -32768) AS priority,
                 coalesce(timestamptz 'epoch' + u.run_at * interval '1 microsecond', '-infinity') AS run_at,
                 coalesce(u.id, '00000000-0000-0000-0000-000000000000') AS id, coalesce(u.last, 32767) AS last
          FROM unnest($1::text[], $2::smallint[], $3::bigint[], $4::uuid[], $5::smallint[]) AS u(kind, priority, run_at, id, last)) AS k
    CROSS JOIN LATERAL (
        SELECT j.priority, j.run_at FROM jobs j
        WHERE j.kind COLLATE "C" = k.kind AND (j.priority, j.run_at, j.id) >= (k.priority, k.run_at, k.id) AND j.priority <= k.last
          AND j.finished_at IS NULL AND j.lane_ready AND j.status = 'pending'
        ORDER BY j.priority, j.run_at, j.id LIMIT 1) AS head
    UNION ALL
    SELECT p.kind, p.last, head.priority, head.run_at
    FROM pairs p
    CROSS JOIN LATERAL (
        SELECT j.priority, j.run_at FROM jobs j
        WHERE j.kind COLLATE "C" = p.kind AND j.priority > p.priority AND j.priority <= p.last
          AND j.finished_at IS NULL AND j.lane_ready AND j.status = 'pending'
        ORDER BY j.priority, j.run_at, j.id LIMIT 1) AS head
)
SELECT CASE WHEN min(run_at) <= clock_timestamp() THEN 0
            WHEN min(run_at) < 'infinity' THEN ceil(date_part('epoch', min(run_at) - clock_timestamp()) * 1000)::bigint
       END AS wait_ms
FROM pairs
