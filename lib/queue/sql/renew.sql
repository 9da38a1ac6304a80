-- Moves the leases of attempts.
-- $1 uuid[]    job ids
-- $2 bigint[]  the lease epochs, in the same order
-- $3 text      worker id
-- $4 interval  lease, from now
-- Rows: one for each attempt, in the given order: state renewed, held (another session holds the row; still ours by the statement's
-- snapshot) or lost, and whether somebody asked to cancel the job. Never zero rows for a non-empty input.
-- Index: primary key. No index mentions lease_until, so a renewal is a heap-only update.
-- Locks: FOR NO KEY UPDATE SKIP LOCKED in id order; never waits.
-- Each row is looked up by LATERAL: a join would be planned as a walk through the whole key's index where the plan was made while the
-- table was empty.
WITH wanted AS MATERIALIZED (
    SELECT w.id, w.epoch, w.place FROM unnest($1::uuid[], $2::bigint[]) WITH ORDINALITY AS w(id, epoch, place)
), mine AS MATERIALIZED (
    SELECT j.place
    FROM (SELECT id, epoch FROM wanted ORDER BY id) AS w
    CROSS JOIN LATERAL (
        SELECT jobs.ctid AS place FROM jobs
        WHERE jobs.id = w.id AND jobs.status = 'running' AND jobs.lease_epoch = w.epoch AND jobs.locked_by = $3
        FOR NO KEY UPDATE SKIP LOCKED) AS j
), renewed AS (
    UPDATE jobs j SET lease_until = now() + $4::interval FROM mine m WHERE j.ctid = m.place
    RETURNING j.id
)
SELECT CASE WHEN r.id IS NOT NULL THEN 'renewed' WHEN j.id IS NOT NULL THEN 'held' ELSE 'lost' END AS state,
       coalesce(j.cancel_requested_at IS NOT NULL, false) AS cancel_requested
FROM wanted w
LEFT JOIN renewed r ON r.id = w.id
LEFT JOIN LATERAL (
    SELECT jobs.id, jobs.cancel_requested_at FROM jobs
    WHERE jobs.id = w.id AND jobs.status = 'running' AND jobs.lease_epoch = w.epoch AND jobs.locked_by = $3
    OFFSET 0) AS j ON true
ORDER BY w.place
