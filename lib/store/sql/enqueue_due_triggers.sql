-- Enqueues a trigger-fire job for each due trigger, one a firing.
-- $1 integer how many at most
-- Rows: the ids of the triggers and of their jobs. Zero rows: none is due.
-- Index: triggers_due_idx. Locks: the rows; those that somebody else is writing are left for the next look.
WITH due AS MATERIALIZED (
    SELECT id, next_fire_at, tenant_id, user_id FROM triggers
    WHERE enabled AND kind = 'cron' AND stopped_at IS NULL AND next_fire_at <= now() AND enqueued_for IS DISTINCT FROM next_fire_at
    ORDER BY next_fire_at, id
    LIMIT $1
    FOR NO KEY UPDATE SKIP LOCKED
), marked AS (
    UPDATE triggers t SET enqueued_for = due.next_fire_at FROM due WHERE t.id = due.id
    RETURNING t.id, t.tenant_id, t.user_id, t.enqueued_for
)
SELECT m.id, e.id AS job_id
FROM marked m
CROSS JOIN LATERAL enqueue_job(
    'trigger-fire',
    jsonb_build_object('triggerId', m.id,
                       'scheduledAt', to_char(m.enqueued_for AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')),
    dedupe_key => format('trigger:%s:%s', m.id, (extract(epoch FROM m.enqueued_for) * 1000000)::bigint),
    tenant_id => m.tenant_id, user_id => m.user_id) AS e
