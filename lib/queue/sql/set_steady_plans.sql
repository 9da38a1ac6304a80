-- One plan for each prepared statement of this session, made once, and no sequential scan while an index will do. The queue's statements
-- run thousands of times on a table that is empty in one minute and holds a million rows in the next: planning each claim anew costs more
-- than the claim (0.7 ms of 1.2), and a plan that was kept from the empty table would scan the full one.
-- Rows: one. Locks: none. For the engine's own sessions, not behind a pooler.
SELECT set_config('plan_cache_mode', 'force_generic_plan', false), set_config('enable_seqscan', 'off', false)
