-- Proves that attempts are ours, and keeps them so until the transaction ends.
-- $1 jsonb array [{job_id, epoch, worker}]
-- Rows: one each. A missing one is no longer ours; nothing may be written for it.
-- Index: primary key. Locks: FOR NO KEY UPDATE on the rows, in the order of their ids; waits for a renewal that is under way.
-- Each row is looked up by LATERAL: a join would be planned as a walk through the whole key's index where the plan was made while the
-- table was empty.
SELECT j.id
FROM (SELECT * FROM jsonb_to_recordset($1::jsonb) AS r (job_id uuid, epoch bigint, worker text) ORDER BY job_id) AS g
CROSS JOIN LATERAL (
    SELECT jobs.id FROM jobs
    WHERE jobs.id = g.job_id AND jobs.status = 'running' AND jobs.lease_epoch = g.epoch AND jobs.locked_by = g.worker
    FOR NO KEY UPDATE) AS j
