-- Whether a call was charged with a figure that is certain.
-- $1 text request id
-- Rows: one, a boolean. Index: usage_events_request_id_key. Locks: none.
SELECT EXISTS (SELECT FROM usage_events WHERE request_id = $1 AND NOT uncertain)
