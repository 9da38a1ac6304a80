-- Records that an attempt is about to run a step, or finds what is recorded.
-- $1 uuid job id · $2 bigint lease epoch · $3 text worker id: the guard
-- $4 text     step
-- $5 text     hash of the step's input
-- $6 integer  attempt
-- Rows: one: the step as it is recorded now. intended: it is this attempt's to run (a failed one begins afresh). unknown: an earlier
-- attempt began it and left no result. Zero rows: the attempt is no longer ours.
-- Index: primary keys. Locks: the job's row and the step's, until commit.
WITH mine AS MATERIALIZED (
    SELECT id FROM jobs WHERE id = $1 AND status = 'running' AND lease_epoch = $2 AND locked_by = $3 FOR NO KEY UPDATE
)
INSERT INTO job_steps AS s (job_id, name, status, input_hash, attempt, lease_epoch)
SELECT mine.id, $4, 'intended', $5, $6::integer, $2 FROM mine
ON CONFLICT (job_id, name) DO UPDATE SET
    status = CASE WHEN s.status = 'failed' THEN 'intended'
                  WHEN s.status = 'intended' AND s.lease_epoch <> excluded.lease_epoch THEN 'unknown'
                  ELSE s.status END,
    finished_at = CASE WHEN s.status = 'failed' THEN NULL
                       WHEN s.status = 'intended' AND s.lease_epoch <> excluded.lease_epoch THEN now()
                       ELSE s.finished_at END,
    input_hash = CASE WHEN s.status = 'failed' THEN excluded.input_hash ELSE s.input_hash END,
    attempt = CASE WHEN s.status = 'failed' THEN excluded.attempt ELSE s.attempt END,
    lease_epoch = CASE WHEN s.status = 'failed' THEN excluded.lease_epoch ELSE s.lease_epoch END,
    started_at = CASE WHEN s.status = 'failed' THEN now() ELSE s.started_at END,
    error = CASE WHEN s.status = 'failed' THEN NULL ELSE s.error END
RETURNING status, input_hash = $5 AS same_input, result
