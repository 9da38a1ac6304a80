-- Completes a running subtask.
-- $1 uuid plan, $2 integer index, $3 text result
-- Rows: one. Zero rows: the subtask is not running; the plan was cancelled.
-- Index: orchestrator_subtasks_plan_index_key. Locks: the subtask's row; the caller holds the plan's.
UPDATE orchestrator_subtasks SET status = 'completed', result = $3, completed_at = now()
WHERE plan_id = $1 AND index = $2 AND status = 'running'
RETURNING index
