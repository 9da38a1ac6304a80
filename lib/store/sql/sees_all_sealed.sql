-- Whether this role sees every encrypted text, so that "nothing is left under the old key" can be believed.
-- Rows: one boolean. False: row-level security hides rows from this role.
-- Index: none. Locks: none.
SELECT NOT EXISTS (SELECT FROM unnest(ARRAY['providers', 'triggers', 'gateways', 'entra_sessions']) AS relation WHERE row_security_active(relation))
       OR EXISTS (SELECT FROM pg_roles WHERE rolname = 'oiab_worker' AND pg_has_role(oid, 'USAGE'))
