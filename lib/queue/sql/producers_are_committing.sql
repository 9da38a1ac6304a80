-- Whether a producer that may have been passed over by jobs_wake (migrations/jobs_functions.sql) is still on its way.
-- Whoever was passed over before this statement has committed when the answer is false.
-- Rows: always one. Index: none. Locks: the advisory lock 7236003, given back at once.
SELECT CASE WHEN pg_try_advisory_lock(7236003) THEN NOT pg_advisory_unlock(7236003) ELSE true END AS committing
