-- settle_delete for attempts whose lease epochs differ.
-- $1 uuid[]    job ids
-- $2 bigint[]  the lease epochs, in the same order
-- $3 text      worker id
-- Rows: the ids that are gone now. A missing id is locked by somebody, or the attempt is no longer ours: read_attempts.sql.
-- Index: primary key. Locks: FOR UPDATE SKIP LOCKED; never waits.
-- Each row is looked up by LATERAL: a join would be planned as a walk through the whole key's index where the plan was made while the
-- table was empty.
DELETE FROM jobs
WHERE ctid = ANY (ARRAY(
    SELECT mine.ctid
    FROM unnest($1::uuid[], $2::bigint[]) AS s(id, epoch)
    CROSS JOIN LATERAL (
        SELECT j.ctid FROM jobs j
        WHERE j.id = s.id AND j.status = 'running' AND j.lease_epoch = s.epoch AND j.locked_by = $3
        FOR UPDATE SKIP LOCKED) AS mine))
RETURNING id
