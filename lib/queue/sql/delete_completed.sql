-- Deletes attempts that a handler's own transaction completed, with their steps: the second half of settle_delete.sql for jobs that
-- are not kept.
-- $1 uuid[]    job ids
-- $2 bigint[]  the lease epochs, in the same order
-- $3 text      worker id
-- Rows: the ids that are gone now. A missing id was not completed by this attempt, is gone already, or is locked by somebody: the
-- purge takes it later. Index: primary keys. Locks: FOR UPDATE SKIP LOCKED in id order; never waits.
-- Each row is looked up by LATERAL: a join would be planned as a walk through the whole key's index where the plan was made while the
-- table was empty.
WITH gone AS (
    DELETE FROM jobs
    WHERE ctid = ANY (ARRAY(
        SELECT mine.ctid
        FROM (SELECT u.id, u.epoch FROM unnest($1::uuid[], $2::bigint[]) AS u(id, epoch) ORDER BY u.id) AS s
        CROSS JOIN LATERAL (
            SELECT j.ctid FROM jobs j
            WHERE j.id = s.id AND j.status = 'completed' AND j.lease_epoch = s.epoch AND j.locked_by = $3
            FOR UPDATE SKIP LOCKED) AS mine))
    RETURNING id
), steps AS (
    DELETE FROM job_steps s USING gone WHERE s.job_id = gone.id
)
SELECT id FROM gone
