-- Claims one job, due or not, whatever is paused; a keyed one only when its lane has let it through (advance_lane).
-- $1 uuid      job id
-- $2 text      worker id
-- $3 interval  lease
-- A run_at that lies ahead becomes now, for good: the rescue passes over rows that are not due (rescue_find.sql), because it would
-- walk through all of them to find the one that runs. So a release of this attempt leaves the job due at once.
-- Rows: the claimed job, with the columns of claim.sql. Zero rows: find_job_state.sql tells why.
-- Index: primary key. Locks: FOR UPDATE SKIP LOCKED on the row; never waits.
UPDATE jobs SET
    status = 'running', attempts = attempts + 1, lease_epoch = lease_epoch + 1,
    locked_by = $2, locked_at = now(), started_at = now(), dedupe_pending = NULL, lease_until = now() + $3::interval, lane_ready = true,
    run_at = least(run_at, now())
WHERE ctid = ANY (ARRAY(
    SELECT j.ctid FROM jobs j
    WHERE j.id = $1 AND j.status = 'pending' AND (j.lane_ready OR j.serial_key IS NULL)
    FOR UPDATE SKIP LOCKED))
RETURNING id, kind, payload, lease_epoch, attempts, max_attempts, crash_count, priority, date_part('epoch', run_at) AS run_at,
    date_part('epoch', created_at) AS created_at, timeout_seconds, serial_key, dedupe_key, tenant_id, user_id
