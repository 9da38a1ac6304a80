-- Stores the synthesised answer.
-- $1 uuid plan, $2 text result
-- Rows: one. Zero rows: the plan is not in synthesizing; it was cancelled.
-- Index: primary key. Locks: the plan's row.
UPDATE orchestrator_plans SET status = 'completed', result = $2, completed_at = now()
WHERE id = $1 AND status = 'synthesizing'
RETURNING id
