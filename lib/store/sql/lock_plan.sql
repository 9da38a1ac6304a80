-- Locks a plan, so that one caller at a time moves it on.
-- $1 uuid plan
-- Rows: one. Zero rows: there is no such plan.
-- Index: primary key. Locks: FOR UPDATE on the plan's row; waits.
SELECT 1 FROM orchestrator_plans WHERE id = $1 FOR UPDATE
