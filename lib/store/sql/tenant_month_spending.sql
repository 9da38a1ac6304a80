-- What all users of a tenant have cost in the running calendar month, in UTC.
-- $1 uuid tenant
-- Rows: one, US dollars.
-- Index: usage_events_tenant_idx. Locks: none.
SELECT coalesce(sum(cost_usd), 0)::double precision FROM usage_events
WHERE tenant_id = $1 AND created_at >= date_trunc('month', now() AT TIME ZONE 'UTC') AT TIME ZONE 'UTC'
