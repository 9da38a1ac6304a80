-- settle_completed for attempts whose lease epochs differ.
-- $1 uuid[]    job ids
-- $2 bigint[]  the lease epochs, in the same order
-- $3 text      worker id
-- Rows: none; the number of affected rows is how many are completed now. Where it is lower than the number of ids, some are locked
-- by somebody or no longer ours: read_attempts.sql tells which.
-- Index: primary key. Locks: FOR NO KEY UPDATE SKIP LOCKED; never waits, so their order does not matter.
-- Each row is looked up by LATERAL: a join would be planned as a walk through the whole key's index where the plan was made while the
-- table was empty.
UPDATE jobs SET status = 'completed', finished_at = now(), lease_until = NULL
WHERE ctid = ANY (ARRAY(
    SELECT mine.ctid
    FROM unnest($1::uuid[], $2::bigint[]) AS s(id, epoch)
    CROSS JOIN LATERAL (
        SELECT j.ctid FROM jobs j
        WHERE j.id = s.id AND j.status = 'running' AND j.lease_epoch = s.epoch AND j.locked_by = $3
        FOR NO KEY UPDATE SKIP LOCKED) AS mine))
