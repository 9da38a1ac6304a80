-- What is gone of the budgets that a call counts against: spent, and set aside for other calls. One statement, hence one snapshot: a call
-- that is settled meanwhile is seen as set aside or as spent, never as neither.
-- $1 uuid user, $2 uuid tenant, $3 uuid job: NULL where no limit asks for it · $4 text request id of the call itself
-- Rows: one, US dollars; 0 for what was not asked for. Months are calendar months in UTC.
-- Index: usage_events_user_cost_idx, _tenant_cost_idx, _job_cost_idx (index-only), usage_reservations_user_idx, _tenant_idx. Locks: none.
SELECT (SELECT coalesce(sum(cost_usd), 0) FROM usage_events
        WHERE user_id = $1 AND created_at >= date_trunc('month', now() AT TIME ZONE 'UTC') AT TIME ZONE 'UTC')::double precision AS user_spent,
       (SELECT coalesce(sum(reserved_usd), 0) FROM usage_reservations WHERE user_id = $1 AND request_id <> $4)::double precision AS user_open,
       (SELECT coalesce(sum(cost_usd), 0) FROM usage_events
        WHERE tenant_id = $2 AND created_at >= date_trunc('month', now() AT TIME ZONE 'UTC') AT TIME ZONE 'UTC')::double precision AS tenant_spent,
       (SELECT coalesce(sum(reserved_usd), 0) FROM usage_reservations WHERE tenant_id = $2 AND request_id <> $4)::double precision AS tenant_open,
       (SELECT coalesce(sum(cost_usd), 0) FROM usage_events WHERE job_id = $3)::double precision AS job_spent
