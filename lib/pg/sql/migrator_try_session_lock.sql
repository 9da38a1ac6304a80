-- The one migrator at a time, beyond a transaction: CREATE INDEX CONCURRENTLY runs in none. Ends with the session.
-- Rows: one boolean; false: another migrator is at work. Index: none. Locks: the advisory lock, without waiting.
SELECT pg_try_advisory_lock(7236002)
