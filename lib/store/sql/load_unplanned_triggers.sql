-- Cron triggers that have no next firing yet.
-- $1 integer how many at most
-- Rows: oldest first, with the time of the server in microseconds since 1970. Zero rows: all have one.
-- Index: triggers_due_idx. Locks: none; plan_triggers.sql guards by what was read here.
SELECT id, cron_expression, time_zone, (extract(epoch FROM now()) * 1000000)::bigint AS now_us
FROM triggers
WHERE enabled AND kind = 'cron' AND stopped_at IS NULL AND next_fire_at IS NULL
ORDER BY created_at, id
LIMIT $1
