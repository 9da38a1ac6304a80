-- Whether any row of a lane waits for its turn.
-- Rows: one. Index: jobs_waiting_idx. Locks: none.
SELECT EXISTS (SELECT FROM jobs WHERE NOT lane_ready AND serial_key IS NOT NULL AND finished_at IS NULL) AS waits
