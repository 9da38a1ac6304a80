-- Marks a subtask as running, also when an earlier attempt already did.
-- $1 uuid plan, $2 integer index, $3 text session of the subtask
-- Rows: one. Zero rows: the subtask is final, or its plan does not execute any more.
-- Index: orchestrator_subtasks_plan_index_key. Locks: the subtask's row.
UPDATE orchestrator_subtasks SET status = 'running', session_id = $3, started_at = coalesce(started_at, now())
WHERE plan_id = $1 AND index = $2 AND status IN ('pending', 'running')
  AND EXISTS (SELECT FROM orchestrator_plans p WHERE p.id = $1 AND p.status = 'executing')
RETURNING index
