-- Records executions of tools, each once.
-- $1 jsonb array of tool events
-- Rows: the keys of those that were recorded. Missing ones: recorded before, or given twice.
-- Index: tool_events_event_key. Locks: none beyond the new rows; waits for whoever is inserting the same key, in order of the keys.
INSERT INTO tool_events (event_key, tenant_id, user_id, session_id, job_id, tool, outcome, input_hash, output_hash, duration_ms, error)
SELECT e.event_key, e.tenant_id, e.user_id, e.session_id, e.job_id, e.tool, e.outcome, e.input_hash, e.output_hash, e.duration_ms, e.error
FROM jsonb_to_recordset($1::jsonb) AS e (event_key text, tenant_id uuid, user_id uuid, session_id text, job_id uuid, tool text,
    outcome text, input_hash text, output_hash text, duration_ms integer, error text)
ORDER BY e.event_key
ON CONFLICT (event_key) WHERE event_key IS NOT NULL DO NOTHING
RETURNING event_key
