-- Stops a trigger until somebody edits it.
-- $1 uuid trigger · $2 text why
-- Rows: tenant and user. Zero rows: there is no such trigger, or it is stopped already.
-- Index: primary key. Locks: the trigger's row.
UPDATE triggers SET stopped_at = now(), last_error = $2, next_fire_at = NULL, enqueued_for = NULL
WHERE id = $1 AND stopped_at IS NULL
RETURNING tenant_id, user_id
