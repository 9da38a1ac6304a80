-- The one migrator at a time, for the rest of the transaction. 7236002 is an arbitrary constant of this project.
-- Rows: one boolean; false: another migrator is at work. Index: none. Locks: the advisory lock, without waiting.
SELECT pg_try_advisory_xact_lock(7236002)
