-- Makes the row of a plan where there is none.
-- $1 uuid plan, $2 uuid tenant or NULL, $3 uuid user, $4 text parent session, $5 text task, $6 integer most subtasks,
-- $7 text fail or partial, $8 uuid orchestrator-plan job or NULL
-- Rows: none. Nothing changes where the plan exists.
-- Index: primary key. Locks: none beyond the new row.
INSERT INTO orchestrator_plans (id, tenant_id, user_id, parent_session_id, task_description, max_subtasks, on_failure, job_id)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
ON CONFLICT (id) DO NOTHING
