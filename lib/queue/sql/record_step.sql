-- Records a step that is done in the same transaction, of a job that has no record of it.
-- $1 uuid job id · $2 bigint lease epoch · $3 text worker id: the guard
-- $4 text     step
-- $5 text     hash of the step's input
-- $6 integer  attempt
-- $7 text     result as JSON
-- Rows: one. Zero rows: the attempt is no longer ours.
-- Index: primary keys. Locks: the job's row, until commit.
WITH mine AS MATERIALIZED (
    SELECT id FROM jobs WHERE id = $1 AND status = 'running' AND lease_epoch = $2 AND locked_by = $3 FOR NO KEY UPDATE
)
INSERT INTO job_steps (job_id, name, status, input_hash, attempt, lease_epoch, result, finished_at)
SELECT mine.id, $4, 'done', $5, $6::integer, $2, $7::jsonb, now() FROM mine
RETURNING name
