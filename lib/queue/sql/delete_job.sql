-- Deletes a job that is not running, with its steps.
-- $1 uuid  job id
-- Rows: one, with its serial key. Zero rows: running or unknown. Index: primary keys. Locks: the row; waits for whoever holds it.
WITH gone AS (
    DELETE FROM jobs WHERE id = $1 AND status <> 'running' RETURNING id
), steps AS (
    DELETE FROM job_steps s USING gone WHERE s.job_id = gone.id
)
SELECT id FROM gone
