-- Appends entries to the audit log, each key once.
-- $1 jsonb array of entries
-- Rows: the ids that were appended. Missing ones: their key was used before.
-- Index: audit_log_entry_key. Locks: none beyond the new rows.
INSERT INTO audit_log (entry_key, tenant_id, user_id, actor, action, target, session_id, channel, duration_ms, payload)
SELECT e.entry_key, e.tenant_id, e.user_id, e.actor, e.action, e.target, e.session_id, e.channel, e.duration_ms, e.payload
FROM jsonb_to_recordset($1::jsonb) AS e (entry_key text, tenant_id uuid, user_id uuid, actor text, action text, target text,
    session_id text, channel text, duration_ms integer, payload jsonb)
ON CONFLICT (entry_key) WHERE entry_key IS NOT NULL DO NOTHING
RETURNING id
