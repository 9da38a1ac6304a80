-- All triggers, for display.
-- $1 integer how many at most
-- Rows: the next to fire first; times as text in UTC. Zero rows: there are none.
-- Index: none; an installation has few. Locks: none.
SELECT id, name, kind, tenant_id, user_id, coalesce(cron_expression, '') AS cron_expression, time_zone, job_kind, enabled,
       stopped_at IS NOT NULL AS is_stopped, to_char(next_fire_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS') AS next_fire_at,
       to_char(last_fired_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS') AS last_fired_at, last_job_id, last_error
FROM triggers
ORDER BY next_fire_at, name, id
LIMIT $1
