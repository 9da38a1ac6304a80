-- One trigger, with what a firing has to know about its owner.
-- $1 uuid trigger
-- Rows: one; times in microseconds since 1970. Zero rows: there is none.
-- Index: primary keys. Locks: the trigger's row, until the transaction ends.
SELECT t.id, t.tenant_id, t.user_id, t.name, t.kind = 'cron' AS is_cron, coalesce(t.cron_expression, '') AS cron_expression,
       t.time_zone, t.job_kind, t.job_payload, t.enabled, t.stopped_at IS NOT NULL AS is_stopped, t.last_error,
       (extract(epoch FROM t.next_fire_at) * 1000000)::bigint AS next_us, (extract(epoch FROM now()) * 1000000)::bigint AS now_us,
       coalesce((SELECT n.status = 'active' FROM tenants n WHERE n.id = t.tenant_id), true)
       AND coalesce((SELECT u.status = 'active' FROM users u WHERE u.id = t.user_id), true) AS owner_is_active,
       t.user_id IS NULL OR EXISTS (SELECT FROM users u WHERE u.id = t.user_id AND u.tenant_id IS NOT DISTINCT FROM t.tenant_id)
           AS owner_is_of_tenant
FROM triggers t
WHERE t.id = $1
FOR NO KEY UPDATE OF t
