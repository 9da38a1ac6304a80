-- settle_completed for jobs that are not kept: deletes attempts that completed, were their job's first, recorded no steps, are in no
-- lane and have the same lease epoch.
-- $1 uuid[]    job ids
-- $2 bigint    their lease epoch
-- $3 text      worker id
-- Rows: the ids that are gone now. A missing id is locked by somebody, or the attempt is no longer ours: read_attempts.sql.
-- Index: primary key, one scan for all ids. Locks: FOR UPDATE SKIP LOCKED; never waits.
DELETE FROM jobs
WHERE ctid = ANY (ARRAY(
    SELECT j.ctid FROM jobs j
    WHERE j.id = ANY ($1::uuid[]) AND j.status = 'running' AND j.lease_epoch = $2::bigint AND j.locked_by = $3
    FOR UPDATE SKIP LOCKED))
RETURNING id
