-- Settles attempts of any outcome.
-- $1 uuid[]    job ids, each once
-- $2 bigint[]  the lease epochs, in the same order; likewise the arrays below
-- $3 text      worker id
-- $4 text[]    outcome: completed, failed, retry, snooze, release
-- $5 bigint[]  milliseconds from now until run_at, for retry and snooze; NULL otherwise
-- $6 text[]    result as JSON, for completed, or NULL
-- $7 text[]    failure reason, for failed and retry
-- $8 text[]    error text, for failed and retry
-- $9 boolean   whether rows with a dedupe key may go back to pending here: only with one row and inside a savepoint,
--              because a newer pending row with the same key raises unique_violation
-- Rows: what was written (status, and reason and error where failed), or 'alone' for rows with a dedupe key that are to be
-- settled one by one. A missing id is locked by somebody, or the attempt is no longer ours: read_attempts.sql tells which.
-- A retry at max_attempts fails. Whatever would go back to pending fails as cancelled when that was asked for.
-- Index: primary key. Locks: FOR NO KEY UPDATE SKIP LOCKED in id order. With $9 the dedupe index may wait for a producer:
-- set a short lock_timeout.
-- Each row is looked up by LATERAL: a join would be planned as a walk through the whole key's index where the plan was made while the
-- table was empty.
WITH mine AS MATERIALIZED (
    SELECT j.place, j.id, s.outcome, s.delay_ms, s.result, s.reason, s.error,
           CASE WHEN s.outcome IN ('completed', 'failed') THEN s.outcome
                WHEN j.cancel_requested_at IS NOT NULL THEN 'cancelled'
                WHEN s.outcome = 'retry' AND j.attempts >= j.max_attempts THEN 'failed'
                WHEN j.dedupe_key IS NOT NULL AND NOT $9::boolean THEN 'alone'
                ELSE 'pending' END AS target
    FROM (SELECT * FROM unnest($1::uuid[], $2::bigint[], $4::text[], $5::bigint[], $6::text[], $7::text[], $8::text[])
              AS u(id, epoch, outcome, delay_ms, result, reason, error)
          ORDER BY u.id) AS s
    CROSS JOIN LATERAL (
        SELECT jobs.ctid AS place, jobs.id, jobs.cancel_requested_at, jobs.attempts, jobs.max_attempts, jobs.dedupe_key
        FROM jobs
        WHERE jobs.id = s.id AND jobs.status = 'running' AND jobs.lease_epoch = s.epoch AND jobs.locked_by = $3
        FOR NO KEY UPDATE SKIP LOCKED) AS j
), written AS (
    UPDATE jobs j SET
        status = CASE m.target WHEN 'cancelled' THEN 'failed' ELSE m.target END,
        attempts = CASE WHEN m.outcome IN ('snooze', 'release') THEN greatest(j.attempts - 1, 0) ELSE j.attempts END,
        run_at = CASE WHEN m.target = 'pending' AND m.delay_ms IS NOT NULL
                      THEN now() + m.delay_ms * interval '1 millisecond' ELSE j.run_at END,
        result = CASE WHEN m.target = 'completed' THEN m.result::jsonb ELSE j.result END,
        failure_reason = CASE m.target WHEN 'failed' THEN m.reason WHEN 'cancelled' THEN 'cancelled' END,
        last_error = CASE WHEN m.error IS NOT NULL THEN m.error
                          WHEN m.target = 'cancelled' THEN 'cancelled while it was running'
                          ELSE j.last_error END,
        attempt_errors = CASE WHEN m.outcome IN ('failed', 'retry') OR m.target = 'cancelled'
                              THEN jobs_append_error(j.attempt_errors, j.attempts, j.locked_by, j.started_at,
                                                     CASE m.target WHEN 'cancelled' THEN 'cancelled' ELSE m.reason END, m.error)
                              ELSE j.attempt_errors END,
        finished_at = CASE WHEN m.target <> 'pending' THEN now() END,
        locked_by = CASE WHEN m.target <> 'pending' THEN j.locked_by END,
        locked_at = CASE WHEN m.target <> 'pending' THEN j.locked_at END,
        lease_until = NULL
    FROM mine m
    WHERE j.ctid = m.place AND m.target <> 'alone'
    RETURNING j.id, j.status, j.failure_reason, j.last_error, j.serial_key
)
SELECT id, status, failure_reason, last_error, serial_key FROM written
UNION ALL
SELECT id, 'alone', NULL, NULL, NULL FROM mine WHERE target = 'alone'
