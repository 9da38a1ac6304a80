-- How long until something of these kinds can be claimed.
-- $1 text[]  kinds
-- Rows: always one; wait_ms is milliseconds by the server's clock, 0 where something is due now (after a claim that got nothing:
-- locked by others), NULL where nothing is pending or all of it is due at infinity.
-- Index: jobs_ready_idx, a loose scan over (kind, priority). Running rows at the head of a range are passed over; their number is
-- bounded by the slots of all workers. Locks: none.
WITH RECURSIVE pairs AS (
    SELECT k.kind, head.priority
    FROM unnest($1::text[]) AS k(kind)
    CROSS JOIN LATERAL (
        SELECT j.priority FROM jobs j
        WHERE j.kind COLLATE "C" = k.kind AND j.finished_at IS NULL AND j.lane_ready
        ORDER BY j.priority, j.run_at, j.id LIMIT 1) AS head
    UNION ALL
    SELECT p.kind, head.priority
    FROM pairs p
    CROSS JOIN LATERAL (
        SELECT j.priority FROM jobs j
        WHERE j.kind COLLATE "C" = p.kind AND j.priority > p.priority AND j.finished_at IS NULL AND j.lane_ready
        ORDER BY j.priority, j.run_at, j.id LIMIT 1) AS head
)
SELECT CASE WHEN min(head.run_at) <= clock_timestamp() THEN 0
            WHEN min(head.run_at) < 'infinity'
                THEN ceil(date_part('epoch', min(head.run_at) - clock_timestamp()) * 1000)::bigint
       END AS wait_ms
FROM pairs p
CROSS JOIN LATERAL (
    SELECT j.run_at FROM jobs j
    WHERE j.kind COLLATE "C" = p.kind AND j.priority = p.priority AND j.finished_at IS NULL AND j.lane_ready
      AND j.status = 'pending'
    ORDER BY j.run_at, j.id LIMIT 1) AS head
