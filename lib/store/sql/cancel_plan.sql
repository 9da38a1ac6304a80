-- Cancels a plan and every job of it: see the function.
-- $1 uuid plan
-- Rows: one boolean, whether anything was left to cancel.
-- Index: primary keys. Locks: the plan's jobs, then the plan.
SELECT cancel_plan($1)
