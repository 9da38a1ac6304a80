-- Moves a plan on: see the function.
-- $1 uuid plan
-- Rows: one, empty.
-- Index: primary key, orchestrator_subtasks_plan_index_key. Locks: the plan's row, and the subtasks that change.
SELECT orchestrator_advance($1)
