-- What is paused.
-- Rows: one for each pause. Zero rows: nothing is. Locks: none.
SELECT scope, name, coalesce(reason, '') AS reason, coalesce(paused_by, '') AS paused_by, paused_at::text AS paused_at
FROM job_pauses ORDER BY scope, name
