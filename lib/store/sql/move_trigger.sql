-- Moves a cron trigger on to its next firing; the old one is the guard, so that one firing fires once.
-- $1 uuid trigger · $2 bigint the firing, $3 bigint the next one, both in microseconds since 1970
-- Rows: the id. Zero rows: it has fired already, or was edited.
-- Index: primary key. Locks: the trigger's row.
UPDATE triggers
SET next_fire_at = timestamptz 'epoch' + $3::bigint * interval '1 microsecond', enqueued_for = NULL
WHERE id = $1 AND enabled AND stopped_at IS NULL AND next_fire_at = timestamptz 'epoch' + $2::bigint * interval '1 microsecond'
RETURNING id
