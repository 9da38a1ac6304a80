-- Begins an unknown step again that may be repeated.
-- $1 uuid job id · $2 bigint lease epoch · $3 text worker id: the guard
-- $4 text     step
-- $5 integer  attempt
-- Rows: one. Zero rows: the attempt is no longer ours, or the step is not unknown. A second call by the same attempt finds it begun.
-- Index: primary keys. Locks: the job's row and the step's, until commit.
WITH mine AS MATERIALIZED (
    SELECT id FROM jobs WHERE id = $1 AND status = 'running' AND lease_epoch = $2 AND locked_by = $3 FOR NO KEY UPDATE
)
UPDATE job_steps s SET status = 'intended', attempt = $5::integer, lease_epoch = $2, started_at = now(), finished_at = NULL, error = NULL
FROM mine
WHERE s.job_id = mine.id AND s.name = $4 AND (s.status = 'unknown' OR (s.status = 'intended' AND s.lease_epoch = $2))
RETURNING s.name
