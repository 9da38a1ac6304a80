-- Atomic completion: completes an attempt inside the handler's own transaction.
-- $1 uuid    job id
-- $2 bigint  lease epoch
-- $3 text    worker id
-- $4 text    result as JSON, or NULL
-- Rows: one. Zero rows: the attempt is no longer ours, and the transaction must roll back.
-- finished_at is the clock's time: the transaction may have begun long ago. Index: primary key.
-- Locks: the row, until commit; waits for a renewal that is under way.
UPDATE jobs SET status = 'completed', result = $4::jsonb, finished_at = clock_timestamp(), lease_until = NULL
WHERE id = $1 AND status = 'running' AND lease_epoch = $2 AND locked_by = $3
RETURNING id
