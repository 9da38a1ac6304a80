-- A job's durable steps, in the order in which they began.
-- $1 uuid  job id
-- Rows: the steps. Zero rows: none. Index: primary key of job_steps. Locks: none.
SELECT name, status, attempt, started_at::text AS started_at, finished_at::text AS finished_at, result, error
FROM job_steps WHERE job_id = $1 ORDER BY started_at, name
