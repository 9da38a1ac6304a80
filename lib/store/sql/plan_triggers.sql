-- Gives triggers their next firing, or stops those that can have none.
-- $1 jsonb array of {id, cron_expression, time_zone, next_us: microseconds since 1970 or null, error: text or null}
-- Rows: id, tenant, user and error of those that were stopped. Those that were edited meanwhile are left alone.
-- Index: primary key. Locks: the rows, in order of their ids.
WITH planned AS MATERIALIZED (
    SELECT t.id, p.next_us, p.error
    FROM jsonb_to_recordset($1::jsonb) AS p (id uuid, cron_expression text, time_zone text, next_us bigint, error text)
    JOIN triggers t ON t.id = p.id
    WHERE t.enabled AND t.kind = 'cron' AND t.stopped_at IS NULL AND t.next_fire_at IS NULL
      AND t.cron_expression = p.cron_expression AND t.time_zone = p.time_zone
    ORDER BY t.id
    FOR NO KEY UPDATE OF t
), written AS (
    UPDATE triggers t
    SET next_fire_at = timestamptz 'epoch' + p.next_us * interval '1 microsecond',
        stopped_at = CASE WHEN p.error IS NOT NULL THEN now() END,
        last_error = coalesce(p.error, t.last_error)
    FROM planned p
    WHERE t.id = p.id
    RETURNING t.id, t.tenant_id, t.user_id, p.error
)
SELECT id, tenant_id, user_id, error FROM written WHERE error IS NOT NULL
