-- Settles steps that were begun as done.
-- $1 jsonb array [{job_id, epoch, worker, name, result}]
-- Rows: one each. Missing ones: the attempt is no longer ours, or the step is settled. Settling it again in the same way is no error,
-- so that a settle in doubt may be repeated.
-- Index: primary keys. Locks: the jobs' rows, in the order of their ids, and the steps', until commit.
-- Each row is looked up by LATERAL: see hold_attempts.sql.
WITH mine AS MATERIALIZED (
    SELECT j.id, g.name, g.epoch, g.result
    FROM (SELECT * FROM jsonb_to_recordset($1::jsonb) AS r (job_id uuid, epoch bigint, worker text, name text, result jsonb)
          ORDER BY job_id) AS g
    CROSS JOIN LATERAL (
        SELECT jobs.id FROM jobs
        WHERE jobs.id = g.job_id AND jobs.status = 'running' AND jobs.lease_epoch = g.epoch AND jobs.locked_by = g.worker
        FOR NO KEY UPDATE) AS j
), begun AS MATERIALIZED (
    SELECT s.place, m.epoch, m.result
    FROM mine m
    CROSS JOIN LATERAL (
        SELECT job_steps.ctid AS place FROM job_steps
        WHERE job_steps.job_id = m.id AND job_steps.name = m.name
          AND (job_steps.status IN ('intended', 'unknown') OR (job_steps.status = 'done' AND job_steps.lease_epoch = m.epoch))
        FOR NO KEY UPDATE) AS s
)
UPDATE job_steps s SET status = 'done', result = b.result, error = NULL, finished_at = now(), lease_epoch = b.epoch
FROM begun b
WHERE s.ctid = b.place
RETURNING s.name
