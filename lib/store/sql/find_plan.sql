-- One plan.
-- $1 uuid plan
-- Rows: the plan. Zero rows: there is none, or it has no user.
-- Index: primary key. Locks: none.
SELECT id, tenant_id, user_id, parent_session_id, task_description, status, max_subtasks, on_failure = 'partial' AS partial,
    result, error
FROM orchestrator_plans
WHERE id = $1 AND user_id IS NOT NULL
