-- Records what came of a firing.
-- $1 uuid trigger · $2 uuid job that it enqueued, or NULL where it did not fire · $3 text why not, or NULL
-- Rows: none. Index: primary key. Locks: the trigger's row.
UPDATE triggers
SET last_fired_at = CASE WHEN $2::uuid IS NULL THEN last_fired_at ELSE now() END, last_job_id = coalesce($2::uuid, last_job_id),
    last_error = $3
WHERE id = $1
