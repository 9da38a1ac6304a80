-- jobs_indexes.sql: the indexes of jobs. No index mentions a column that a claim writes (status, attempts, locked_*, lease_*,
-- started_at), neither as key nor in its predicate: so a claim is a heap-only update that writes no index entry at all.
-- Numbers and the alternatives that lost: docs/decisions/0101-jobs-table-layout.md.

-- What may be claimed, and what runs: one range for each (kind, priority), read in the order in which it is claimed.
CREATE INDEX IF NOT EXISTS jobs_ready_idx ON jobs (kind COLLATE "C", priority, run_at, id)
    WHERE finished_at IS NULL AND lane_ready;

-- Rows of a lane that wait for their turn, in the lane's order.
CREATE INDEX IF NOT EXISTS jobs_waiting_idx ON jobs (serial_key, lane_seq)
    WHERE NOT lane_ready AND serial_key IS NOT NULL AND finished_at IS NULL;

-- Who holds a lane: the one row that is ready or running.
CREATE INDEX IF NOT EXISTS jobs_lane_head_idx ON jobs (serial_key)
    WHERE lane_ready AND serial_key IS NOT NULL AND finished_at IS NULL;

-- Rows without a lane that a tenant's pause holds back, for the resume.
CREATE INDEX IF NOT EXISTS jobs_paused_idx ON jobs (tenant_id, id)
    WHERE NOT lane_ready AND serial_key IS NULL AND finished_at IS NULL;
