-- Gives a tenant's rows without a lane back to the claim's index, unless the tenant is paused.
-- $1 uuid     tenant
-- $2 integer  at most so many
-- Rows: the ids given back. Zero rows: none are left, or the tenant is paused. Wakes the workers.
-- Index: jobs_paused_idx. Locks: FOR NO KEY UPDATE SKIP LOCKED.
WITH theirs AS MATERIALIZED (
    SELECT j.id FROM jobs j
    WHERE j.tenant_id = $1 AND NOT j.lane_ready AND j.serial_key IS NULL AND j.finished_at IS NULL
      AND NOT EXISTS (SELECT FROM job_pauses WHERE scope = 'tenant' AND name = $1::uuid::text)
    ORDER BY j.id LIMIT $2 FOR NO KEY UPDATE SKIP LOCKED
), given AS (
    UPDATE jobs j SET lane_ready = true FROM theirs t WHERE j.id = t.id RETURNING j.id
)
SELECT g.id, CASE WHEN row_number() OVER () = 1 THEN jobs_wake() END FROM given g
