-- Jobs, newest first.
-- $1 text status · $2 text kind · $3 uuid tenant · $4 uuid only ids below this one · each may be NULL for any
-- $5 integer  at most so many
-- Rows: the jobs. Zero rows: none match. Index: primary key, backwards; a rare status or kind in a long history walks far.
-- Locks: none.
SELECT id, kind, status, priority, attempts, max_attempts, crash_count, lease_epoch, lane_ready,
       cancel_requested_at IS NOT NULL AS cancel_requested, run_at::text AS run_at, created_at::text AS created_at,
       started_at::text AS started_at, finished_at::text AS finished_at, locked_at::text AS locked_at,
       lease_until::text AS lease_until, locked_by, dedupe_key, serial_key, tenant_id, user_id, last_error, failure_reason,
       timeout_seconds
FROM jobs
WHERE ($1::text IS NULL OR status = $1) AND ($2::text IS NULL OR kind = $2) AND ($3::uuid IS NULL OR tenant_id = $3)
  AND id < coalesce($4::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff')
ORDER BY id DESC LIMIT $5
