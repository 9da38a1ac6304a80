-- From here to the end of the transaction nothing waits for a lock longer than 50 ms: a producer that has not committed holds
-- a dedupe key, and what it holds up can be tried again.
-- Rows: one. Locks: none.
SELECT set_config('lock_timeout', '50ms', true)
