-- What all users of a tenant may cost together in a calendar month.
-- $1 uuid tenant
-- Rows: one, US dollars. Zero rows: no limit.
-- Index: primary key. Locks: none.
SELECT monthly_limit_usd::double precision FROM tenant_quotas WHERE tenant_id = $1 AND monthly_limit_usd IS NOT NULL
