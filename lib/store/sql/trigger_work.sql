-- What the cron triggers want done.
-- Rows: one: whether some have no next firing yet, whether some are due, and in how many milliseconds the next one will be
-- (NULL: none is planned).
-- Index: triggers_due_idx. Locks: none.
SELECT EXISTS (SELECT FROM triggers WHERE enabled AND kind = 'cron' AND stopped_at IS NULL AND next_fire_at IS NULL) AS unplanned,
       coalesce(next.at <= now(), false) AS due,
       ceil(extract(epoch FROM next.at - now()) * 1000)::bigint AS wait_ms
FROM (SELECT min(next_fire_at) AS at FROM triggers
      WHERE enabled AND kind = 'cron' AND stopped_at IS NULL AND enqueued_for IS DISTINCT FROM next_fire_at) AS next
