-- Atomic completion: completes attempts inside the transaction of what their handlers wrote.
-- $1 jsonb array [{job_id, epoch, worker, result}]
-- Rows: one each. A missing one is no longer ours, and the transaction must roll back.
-- finished_at is the clock's time: the transaction may have begun long ago. Index: primary key.
-- Locks: the rows, in the order of their ids, until commit; waits for a renewal that is under way.
-- Each row is looked up by LATERAL: see hold_attempts.sql.
WITH mine AS MATERIALIZED (
    SELECT j.place, g.result
    FROM (SELECT * FROM jsonb_to_recordset($1::jsonb) AS r (job_id uuid, epoch bigint, worker text, result jsonb) ORDER BY job_id) AS g
    CROSS JOIN LATERAL (
        SELECT jobs.ctid AS place FROM jobs
        WHERE jobs.id = g.job_id AND jobs.status = 'running' AND jobs.lease_epoch = g.epoch AND jobs.locked_by = g.worker
        FOR NO KEY UPDATE) AS j
)
UPDATE jobs j SET status = 'completed', result = m.result, finished_at = clock_timestamp(), lease_until = NULL
FROM mine m
WHERE j.ctid = m.place
RETURNING j.id
