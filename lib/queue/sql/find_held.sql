-- The attempts that a worker holds: after a claim in doubt it asks which ones it got.
-- $1 text  worker id
-- Rows: id and lease_epoch of what runs under this worker, in the order of the ids. Zero rows: it holds nothing.
-- Index: jobs_ready_idx in full (every unfinished row is looked at), so not for the daily round. Locks: none.
SELECT id, lease_epoch FROM jobs
WHERE finished_at IS NULL AND lane_ready AND status = 'running' AND locked_by = $1
ORDER BY id
