-- Stores an attempt's progress.
-- $1 uuid    job id
-- $2 bigint  lease epoch
-- $3 text    worker id
-- $4 text    progress as JSON
-- Rows: one. Zero rows: the attempt is no longer ours. Index: primary key; a heap-only update. Locks: the row.
UPDATE jobs SET progress = $4::jsonb
WHERE id = $1 AND status = 'running' AND lease_epoch = $2 AND locked_by = $3
RETURNING id
