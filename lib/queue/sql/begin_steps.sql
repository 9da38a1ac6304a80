-- Records that attempts are about to run steps of which nothing is on record.
-- $1 jsonb array [{job_id, epoch, worker, attempt, name, input_hash}]
-- Rows: one each. Begun again by the same attempt for the same input is no error, so that a transaction in doubt may be repeated.
-- Missing ones: the attempt is no longer ours, or there is any other record of the step: see begin_step.sql.
-- Index: primary keys. Locks: the jobs' rows, in the order of their ids, and the steps', until commit.
-- Each row is looked up by LATERAL: see hold_attempts.sql.
WITH mine AS MATERIALIZED (
    SELECT j.id, g.name, g.input_hash, g.attempt, g.epoch
    FROM (SELECT * FROM jsonb_to_recordset($1::jsonb)
              AS r (job_id uuid, epoch bigint, worker text, attempt integer, name text, input_hash text) ORDER BY job_id) AS g
    CROSS JOIN LATERAL (
        SELECT jobs.id FROM jobs
        WHERE jobs.id = g.job_id AND jobs.status = 'running' AND jobs.lease_epoch = g.epoch AND jobs.locked_by = g.worker
        FOR NO KEY UPDATE) AS j
)
INSERT INTO job_steps AS s (job_id, name, status, input_hash, attempt, lease_epoch)
SELECT id, name, 'intended', input_hash, attempt, epoch FROM mine
ON CONFLICT (job_id, name) DO UPDATE SET status = s.status
WHERE s.status = 'intended' AND s.lease_epoch = excluded.lease_epoch AND s.input_hash = excluded.input_hash
RETURNING job_id
