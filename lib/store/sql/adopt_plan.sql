-- Records which job makes a plan, where that is not known yet, and answers with the plan.
-- $1 uuid plan, $2 uuid user, $3 uuid orchestrator-plan job or NULL
-- Rows: the plan. Zero rows: it belongs to another user, or another job makes it.
-- Index: primary key. Locks: the plan's row.
UPDATE orchestrator_plans SET job_id = coalesce(job_id, $3)
WHERE id = $1 AND user_id = $2 AND (job_id IS NULL OR $3::uuid IS NULL OR job_id = $3)
RETURNING id, tenant_id, user_id, parent_session_id, task_description, status, max_subtasks, on_failure = 'partial' AS partial,
    result, error
