-- Lets one transaction at a time change the preferences of a user, so that two turns do not add the same topic twice.
-- $1 uuid user
-- Rows: one. Index: none. Locks: an advisory lock until the transaction ends; waits for whoever holds it.
SELECT pg_advisory_xact_lock(7236003, hashtext($1::uuid::text))
