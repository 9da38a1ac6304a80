-- Proves that an attempt is ours, and keeps it so until the transaction ends.
-- $1 uuid    job id
-- $2 bigint  lease epoch
-- $3 text    worker id
-- Rows: one. Zero rows: the attempt is no longer ours; nothing may be written.
-- Index: primary key. Locks: FOR NO KEY UPDATE on the row; waits for a renewal that is under way.
SELECT id FROM jobs WHERE id = $1 AND status = 'running' AND lease_epoch = $2 AND locked_by = $3 FOR NO KEY UPDATE
