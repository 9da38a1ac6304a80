-- Stores an accepted plan and lets it execute.
-- $1 uuid plan, $2 jsonb array [{description, agent, dependencies}], $3 text planner session
-- Rows: one. Zero rows: the plan is not in planning; it was cancelled.
-- Index: primary key. Locks: the plan's row.
UPDATE orchestrator_plans SET status = 'executing', plan = $2::jsonb, planner_session_id = $3
WHERE id = $1 AND status = 'planning'
RETURNING id
