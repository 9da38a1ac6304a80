-- Settles attempts that completed without a result: the path of almost every small job, kept as cheap as it can be.
-- $1 uuid[]    job ids
-- $2 bigint[]  the lease epochs, in the same order
-- $3 text      worker id
-- Rows: the ids that are completed now. A missing id is locked by somebody, or the attempt is no longer ours:
-- read_attempts.sql tells which. Zero rows: that goes for all of them.
-- Index: primary key. Locks: FOR NO KEY UPDATE SKIP LOCKED in id order; never waits.
UPDATE jobs SET status = 'completed', finished_at = now(), lease_until = NULL
WHERE ctid = ANY (ARRAY(
    SELECT j.ctid
    FROM unnest($1::uuid[], $2::bigint[]) AS s(id, epoch)
    JOIN jobs j ON j.id = s.id
    WHERE j.status = 'running' AND j.lease_epoch = s.epoch AND j.locked_by = $3
    ORDER BY j.id
    FOR NO KEY UPDATE OF j SKIP LOCKED))
RETURNING id, serial_key
