-- A job's status and place in its lane, for an answer about a single job.
-- $1 uuid  job id
-- Rows: one, or zero where there is no such job. Index: primary key. Locks: none.
SELECT status, serial_key, lane_ready FROM jobs WHERE id = $1
