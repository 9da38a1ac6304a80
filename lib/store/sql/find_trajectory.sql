-- One trajectory.
-- $1 uuid trajectory
-- Rows: one. Zero rows: there is none.
-- Index: primary key. Locks: none.
SELECT id, tenant_id, user_id, session_id, job_id, tools, outcome, reflection, reflected_at IS NOT NULL AS is_reflected,
       (extract(epoch FROM created_at) * 1000000)::bigint AS created_at_us
FROM trajectories
WHERE id = $1
