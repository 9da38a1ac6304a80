-- A person says that an unknown step may run again: it is forgotten.
-- $1 uuid job id · $2 text step
-- Rows: one. Zero rows: no such step, or it is not unknown, or the job runs: find_step.sql tells.
-- Index: primary keys. Locks: the step's row.
DELETE FROM job_steps s USING jobs j
WHERE s.job_id = $1 AND s.name = $2 AND s.status IN ('unknown', 'intended') AND j.id = s.job_id AND j.status <> 'running'
RETURNING s.name
