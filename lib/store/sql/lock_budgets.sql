-- Lets one transaction at a time decide about a budget: of a user, of a tenant, or of both.
-- $1 uuid user, $2 uuid tenant; NULL for one that no limit holds
-- Rows: one a lock. Zero rows: nothing to lock.
-- Index: none. Locks: advisory ones until the transaction ends, always in the order of their keys, so that two transactions never wait
-- for each other.
SELECT pg_advisory_xact_lock(key)
FROM (SELECT DISTINCT hashtextextended('oiab-budget:' || owner, 0) AS key
      FROM (VALUES ('user:' || $1::uuid::text), ('tenant:' || $2::uuid::text)) AS budgets (owner)
      WHERE owner IS NOT NULL ORDER BY key) AS keys
