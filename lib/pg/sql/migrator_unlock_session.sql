-- Gives the migrator's session lock back.
-- Rows: one boolean. Index: none. Locks: none.
SELECT pg_advisory_unlock(7236002)
