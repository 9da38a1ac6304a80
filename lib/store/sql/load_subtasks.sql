-- The subtasks of a plan.
-- $1 uuid plan
-- Rows: one a subtask, in order of their index. Zero rows: the plan has not been made yet.
-- Index: orchestrator_subtasks_plan_index_key. Locks: none.
SELECT index, description, agent, to_json(dependencies) AS dependencies, status, result, error, session_id
FROM orchestrator_subtasks
WHERE plan_id = $1
ORDER BY index
