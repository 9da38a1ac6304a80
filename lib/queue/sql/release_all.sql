-- Gives back uncounted what a stopping worker still holds; rows with a dedupe key go one by one through settle_batch.sql.
-- $1 text  worker id
-- Rows: the released ids. Zero rows: it holds nothing. Index: jobs_ready_idx in full (unfinished rows); for the end of a
-- process only. Locks: FOR NO KEY UPDATE SKIP LOCKED.
WITH held AS MATERIALIZED (
    SELECT j.id FROM jobs j
    WHERE j.finished_at IS NULL AND j.lane_ready AND j.status = 'running' AND j.locked_by = $1 AND j.dedupe_key IS NULL
      AND j.cancel_requested_at IS NULL
    ORDER BY j.id FOR NO KEY UPDATE SKIP LOCKED
)
UPDATE jobs j SET status = 'pending', attempts = greatest(j.attempts - 1, 0),
    locked_by = NULL, locked_at = NULL, lease_until = NULL
FROM held h WHERE j.id = h.id
RETURNING j.id
