-- The trajectory of a turn.
-- $1 uuid job
-- Rows: one. Zero rows: the job has none.
-- Index: trajectories_job_key. Locks: none.
SELECT id, tenant_id, user_id, session_id, job_id, tools, outcome, reflection, reflected_at IS NOT NULL AS is_reflected,
       (extract(epoch FROM created_at) * 1000000)::bigint AS created_at_us
FROM trajectories
WHERE job_id = $1
