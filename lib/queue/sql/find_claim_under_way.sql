-- Which claim is under way at this moment (claim.sql, $9): its virtual transaction, whatever pooler is between.
-- Rows: one, or none where nobody is claiming. Index: none. Locks: none that others wait for; pg_locks is a look at all locks of the
-- server, so this is asked at most once a second.
SELECT virtualtransaction FROM pg_locks
WHERE locktype = 'advisory' AND classid = 0 AND objid = 7236004 AND objsubid = 1 AND mode = 'ExclusiveLock' AND granted
  AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
LIMIT 1
