-- Records which tools turns used, once for each job.
-- $1 jsonb array [{job_id, tenant_id, user_id, session_id, tools, tools_hash, outcome}]
-- Rows: the new ids. Missing ones: the job has one already.
-- Index: trajectories_job_key. Locks: none beyond the new rows.
INSERT INTO trajectories (job_id, tenant_id, user_id, session_id, tools, tools_hash, outcome)
SELECT t.job_id, t.tenant_id, t.user_id, t.session_id, t.tools, t.tools_hash, t.outcome
FROM jsonb_to_recordset($1::jsonb) AS t (job_id uuid, tenant_id uuid, user_id uuid, session_id text, tools jsonb, tools_hash text,
    outcome text)
ON CONFLICT (job_id) WHERE job_id IS NOT NULL DO NOTHING
RETURNING id
