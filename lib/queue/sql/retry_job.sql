-- Operator retry: a failed or pending job becomes pending and due now, with all its attempts.
-- $1 uuid  job id
-- Rows: one, with its serial key. Zero rows: running, completed or unknown. A newer pending job with the same dedupe key raises
-- unique_violation: run it inside a savepoint, with a short lock_timeout.
-- Done steps stay, failed ones are forgotten, unknown ones wait for a person. Wakes the workers.
-- Index: primary keys. Locks: the row; waits for whoever holds it.
WITH again AS (
    UPDATE jobs SET status = 'pending', attempts = 0, crash_count = 0, run_at = now(), cancel_requested_at = NULL,
        failure_reason = NULL, finished_at = NULL, locked_by = NULL, locked_at = NULL, lease_until = NULL
    WHERE id = $1 AND status IN ('pending', 'failed')
    RETURNING id, serial_key
), steps AS (
    DELETE FROM job_steps s USING again a WHERE s.job_id = a.id AND s.status = 'failed'
)
SELECT a.serial_key, jobs_wake() FROM again a
