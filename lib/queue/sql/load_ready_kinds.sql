-- The kinds that have unfinished rows in the claim's index: what patterns are matched against.
-- Rows: one for each kind, sorted. Zero rows: nothing is unfinished and ready.
-- Index: jobs_ready_idx, a loose scan: its cost is the number of kinds. Locks: none.
WITH RECURSIVE kinds AS (
    (SELECT j.kind COLLATE "C" AS kind FROM jobs j
     WHERE j.finished_at IS NULL AND j.lane_ready ORDER BY j.kind COLLATE "C" LIMIT 1)
    UNION ALL
    SELECT head.kind
    FROM kinds k
    CROSS JOIN LATERAL (
        SELECT j.kind COLLATE "C" AS kind FROM jobs j
        WHERE j.kind COLLATE "C" > k.kind AND j.finished_at IS NULL AND j.lane_ready
        ORDER BY j.kind COLLATE "C" LIMIT 1) AS head
)
SELECT kind FROM kinds
