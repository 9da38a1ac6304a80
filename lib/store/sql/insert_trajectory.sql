-- Records which tools a turn used, once for each job.
-- $1 uuid job, $2 uuid tenant or NULL, $3 uuid user or NULL, $4 text session, $5 jsonb tools, $6 text hash, $7 text outcome
-- Rows: one. Zero rows: the job has one already.
-- Index: trajectories_job_key. Locks: none beyond the new row.
INSERT INTO trajectories (job_id, tenant_id, user_id, session_id, tools, tools_hash, outcome)
VALUES ($1, $2, $3, $4, $5::jsonb, $6, $7)
ON CONFLICT (job_id) WHERE job_id IS NOT NULL DO NOTHING
RETURNING id
