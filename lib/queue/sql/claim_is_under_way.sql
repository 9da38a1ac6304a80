-- Whether another session is claiming at this moment (claim.sql, $9).
-- Rows: always one. Index: none. Locks: the advisory lock 7236004, shared with others who ask, given back at once.
SELECT CASE WHEN pg_try_advisory_lock_shared(7236004) THEN NOT pg_advisory_unlock_shared(7236004) ELSE true END AS claiming
