-- Deletes steps whose job is gone: other clients delete jobs without them.
-- $1 integer  at most so many
-- Rows: the removed names. Zero rows: none. Index: job_steps in full, primary key of jobs. Locks: the rows.
DELETE FROM job_steps WHERE (job_id, name) IN (
    SELECT s.job_id, s.name FROM job_steps s WHERE NOT EXISTS (SELECT FROM jobs j WHERE j.id = s.job_id) LIMIT $1)
RETURNING name
