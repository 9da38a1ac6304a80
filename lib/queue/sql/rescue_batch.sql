-- Takes attempts back whose lease has lapsed.
-- $1 uuid[]    job ids
-- $2 bigint[]  the lease epochs, in the same order
-- $3 interval  legacy_lock_timeout, NULL for never
-- $4 integer   crashes at which a job fails
-- $5 boolean   whether rows with a dedupe key may go back to pending here: only one row inside a savepoint (see settle_batch.sql)
-- $6 uuid      a newer pending job with the same dedupe key: the row fails as superseded by it; NULL otherwise
-- Rows: what was written; worker is who held the row. A missing id was renewed, settled or is held by somebody, or has a dedupe key
-- and waits for its own savepoint.
-- The epoch stays, and the row is no longer locked by anybody: a late settle of the old attempt matches nothing.
-- Index: primary key. Locks: FOR NO KEY UPDATE SKIP LOCKED in id order.
-- Each row is looked up by LATERAL: a join would be planned as a walk through the whole key's index where the plan was made while the
-- table was empty.
WITH lapsed AS MATERIALIZED (
    SELECT j.place, j.locked_by AS worker,
           CASE WHEN j.cancel_requested_at IS NOT NULL THEN 'cancelled'
                WHEN j.crash_count + 1 >= $4::integer THEN 'crashed'
                WHEN j.attempts >= j.max_attempts THEN 'lease_expired'
                WHEN $6::uuid IS NOT NULL THEN 'superseded' END AS reason
    FROM (SELECT u.id, u.epoch FROM unnest($1::uuid[], $2::bigint[]) AS u(id, epoch) ORDER BY u.id) AS s
    CROSS JOIN LATERAL (
        SELECT k.ctid AS place, k.locked_by, k.cancel_requested_at, k.crash_count, k.attempts, k.max_attempts
        FROM jobs k
        WHERE k.id = s.id AND k.status = 'running' AND k.lease_epoch = s.epoch
          AND coalesce(k.lease_until, coalesce(k.locked_at, k.started_at, k.created_at) + $3::interval) < now()
          AND ($5::boolean OR k.dedupe_key IS NULL)
        FOR NO KEY UPDATE SKIP LOCKED) AS j
)
UPDATE jobs j SET
    status = CASE WHEN l.reason IS NULL THEN 'pending' ELSE 'failed' END,
    crash_count = j.crash_count + 1,
    failure_reason = l.reason,
    last_error = CASE l.reason WHEN 'superseded' THEN format('superseded by the newer pending job %s with the same dedupe key', $6::uuid)
                               ELSE 'the lease lapsed: the worker is gone or stood still' END,
    attempt_errors = jobs_append_error(j.attempt_errors, j.attempts, j.locked_by, j.started_at, 'lease_expired',
                                       'the lease lapsed: the worker is gone or stood still'),
    finished_at = CASE WHEN l.reason IS NOT NULL THEN now() END,
    locked_by = NULL, locked_at = NULL, lease_until = NULL
FROM lapsed l
WHERE j.ctid = l.place
RETURNING j.id, j.kind, l.worker, j.lease_epoch, j.crash_count, j.status, j.failure_reason, j.serial_key
