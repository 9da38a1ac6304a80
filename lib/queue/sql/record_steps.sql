-- Records steps that are done in the same transaction, of jobs that have no record of them.
-- $1 jsonb array [{job_id, epoch, worker, attempt, name, input_hash, result}]
-- Rows: one each. A missing one's attempt is no longer ours.
-- Index: primary keys. Locks: the jobs' rows, in the order of their ids, until commit.
-- Each row is looked up by LATERAL: see hold_attempts.sql.
WITH mine AS MATERIALIZED (
    SELECT j.id, g.name, g.input_hash, g.attempt, g.epoch, g.result
    FROM (SELECT * FROM jsonb_to_recordset($1::jsonb)
              AS r (job_id uuid, epoch bigint, worker text, attempt integer, name text, input_hash text, result jsonb)
          ORDER BY job_id) AS g
    CROSS JOIN LATERAL (
        SELECT jobs.id FROM jobs
        WHERE jobs.id = g.job_id AND jobs.status = 'running' AND jobs.lease_epoch = g.epoch AND jobs.locked_by = g.worker
        FOR NO KEY UPDATE) AS j
)
INSERT INTO job_steps (job_id, name, status, input_hash, attempt, lease_epoch, result, finished_at)
SELECT id, name, 'done', input_hash, attempt, epoch, result, now() FROM mine
RETURNING job_id
