-- Whether another session is claiming at this moment (claim.sql, $9).
-- Rows: always one. Index: none. Locks: the advisory lock 7236004, given back at once.
SELECT CASE WHEN pg_try_advisory_lock(7236004) THEN NOT pg_advisory_unlock(7236004) ELSE true END AS claiming
