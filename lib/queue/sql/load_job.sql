-- One job with everything that is known about it.
-- $1 uuid  job id
-- Rows: one, or zero where there is none. Index: primary key. Locks: none.
SELECT id, kind, status, priority, attempts, max_attempts, crash_count, lease_epoch, lane_ready,
       cancel_requested_at IS NOT NULL AS cancel_requested, run_at::text AS run_at, created_at::text AS created_at,
       started_at::text AS started_at, finished_at::text AS finished_at, locked_at::text AS locked_at,
       lease_until::text AS lease_until, locked_by, dedupe_key, serial_key, tenant_id, user_id, last_error, failure_reason,
       timeout_seconds,
       payload, result, progress, attempt_errors
FROM jobs
WHERE id = $1
