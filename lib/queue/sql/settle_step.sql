-- Settles a step that was begun.
-- $1 uuid job id · $2 bigint lease epoch · $3 text worker id: the guard
-- $4 text  step
-- $5 text  done, failed or unknown
-- $6 text  result as JSON, for done; NULL otherwise
-- $7 text  error, for failed and unknown; NULL otherwise
-- Rows: one. Zero rows: the attempt is no longer ours, or the step is settled. Settling it again in the same way is no error, so that
-- a settle in doubt may be repeated. Index: primary keys. Locks: the job's row and the step's, until commit.
WITH mine AS MATERIALIZED (
    SELECT id FROM jobs WHERE id = $1 AND status = 'running' AND lease_epoch = $2 AND locked_by = $3 FOR NO KEY UPDATE
)
UPDATE job_steps s SET status = $5, result = $6::jsonb, error = $7, finished_at = now(), lease_epoch = $2
FROM mine
WHERE s.job_id = mine.id AND s.name = $4
  AND (s.status IN ('intended', 'unknown') OR (s.status = $5 AND s.lease_epoch = $2))
RETURNING s.name
