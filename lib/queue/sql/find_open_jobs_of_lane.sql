-- The unfinished jobs of a lane, in its order.
-- $1 text serial key
-- Rows: at most 100. Zero rows: the lane is empty.
-- Index: jobs_lane_head_idx and jobs_waiting_idx. Locks: none.
SELECT id, kind FROM (
    SELECT id, kind, lane_seq FROM jobs WHERE serial_key = $1 AND lane_ready AND serial_key IS NOT NULL AND finished_at IS NULL
    UNION ALL
    SELECT id, kind, lane_seq FROM jobs WHERE serial_key = $1 AND NOT lane_ready AND serial_key IS NOT NULL AND finished_at IS NULL
) AS open
ORDER BY lane_seq
LIMIT 100
