-- Lets the next job of each lane run, where none is ready or running.
-- $1 text[]  serial keys; a few hundred at most, each keeps its lane locked until the transaction ends
-- Rows: always one, how many rows became ready. Index: jobs_lane_head_idx, jobs_waiting_idx.
-- Locks: the advisory lock of each lane that had to be looked at closely.
SELECT advance_lanes($1::text[]) AS advanced
