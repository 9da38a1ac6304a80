-- Lets one caller at a time decide about the skills of a tenant (of a user without one), until the transaction ends.
-- $1 text tenant, or the user where there is none
-- Rows: one. Index: none. Locks: an advisory lock; waits.
SELECT pg_advisory_xact_lock(7236003, hashtext($1))
