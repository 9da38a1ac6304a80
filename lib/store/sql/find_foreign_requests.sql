-- Which of the given model calls are on record for another tenant than the one that is given.
-- $1 jsonb array of usage events
-- Rows: the request ids. Zero rows: none.
-- Index: usage_events_request_id_key. Locks: none.
SELECT DISTINCT e.request_id
FROM jsonb_to_recordset($1::jsonb) AS e (request_id text, tenant_id uuid)
JOIN usage_events known ON known.request_id = e.request_id AND known.tenant_id IS DISTINCT FROM e.tenant_id
ORDER BY e.request_id
