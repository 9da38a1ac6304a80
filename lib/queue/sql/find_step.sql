-- A step's status and its job's.
-- $1 uuid job id · $2 text step
-- Rows: one, or zero where there is no such step. Index: primary keys. Locks: none.
SELECT s.status, coalesce(j.status = 'running', false) AS job_running
FROM job_steps s LEFT JOIN jobs j ON j.id = s.job_id WHERE s.job_id = $1 AND s.name = $2
