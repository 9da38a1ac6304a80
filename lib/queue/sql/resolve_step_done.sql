-- A person says what an unknown step's result was.
-- $1 uuid job id · $2 text step · $3 text result as JSON
-- Rows: one. Zero rows: no such step, or it is not unknown, or the job runs: find_step.sql tells.
-- A step that is intended though its job does not run is as good as unknown. Index: primary keys. Locks: the step's row.
UPDATE job_steps s SET status = 'done', result = $3::jsonb, error = NULL, finished_at = now()
FROM jobs j
WHERE s.job_id = $1 AND s.name = $2 AND s.status IN ('unknown', 'intended') AND j.id = s.job_id AND j.status <> 'running'
RETURNING s.name
