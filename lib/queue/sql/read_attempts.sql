-- What became of attempts that a settle did not touch, or whose settle is in doubt.
-- $1 uuid[]    job ids
-- $2 bigint[]  the lease epochs, in the same order
-- $3 text      worker id
-- Rows: the attempts that are, or were to the end, ours: status running (somebody holds the row: settle again), completed or
-- failed (settled by this attempt). A missing id: no longer ours. A row that went back to pending is not recognised as
-- ours, and need not be. Index: primary key. Locks: none.
-- Each row is looked up by LATERAL: a join would be planned as a walk through the whole key's index where the plan was made while the
-- table was empty.
SELECT j.id, j.status, j.failure_reason, j.last_error, j.serial_key
FROM unnest($1::uuid[], $2::bigint[]) AS s(id, epoch)
CROSS JOIN LATERAL (
    SELECT jobs.id, jobs.status, jobs.failure_reason, jobs.last_error, jobs.serial_key FROM jobs
    WHERE jobs.id = s.id AND jobs.status <> 'pending' AND jobs.lease_epoch = s.epoch AND jobs.locked_by = $3
    OFFSET 0) AS j
