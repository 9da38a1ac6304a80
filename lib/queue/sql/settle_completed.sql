-- Settles attempts that completed without a result, are in no lane and have the same lease epoch: the path of almost every small job,
-- kept as cheap as it can be. Jobs mostly complete in their first attempt, so a batch mostly has one epoch.
-- $1 uuid[]    job ids
-- $2 bigint    their lease epoch
-- $3 text      worker id
-- Rows: none; the number of affected rows is how many are completed now. Where it is lower than the number of ids, some are locked
-- by somebody or no longer ours: read_attempts.sql tells which.
-- Index: primary key, one scan for all ids; looking each id up by itself (settle_completed_pairs.sql) costs the server 7 % more a job.
-- Locks: FOR NO KEY UPDATE SKIP LOCKED; never waits, so their order does not matter.
UPDATE jobs SET status = 'completed', finished_at = now(), lease_until = NULL
WHERE ctid = ANY (ARRAY(
    SELECT j.ctid FROM jobs j
    WHERE j.id = ANY ($1::uuid[]) AND j.status = 'running' AND j.lease_epoch = $2::bigint AND j.locked_by = $3
    FOR NO KEY UPDATE SKIP LOCKED))
