-- Which of the given model calls are on record for another job than the one that is given.
-- $1 jsonb array of request ids · $2 uuid job
-- Rows: the request ids. Zero rows: none.
-- Index: usage_events_request_id_key. Locks: none.
SELECT known.request_id
FROM jsonb_array_elements_text($1::jsonb) AS e (request_id)
JOIN usage_events known ON known.request_id = e.request_id AND known.job_id IS DISTINCT FROM $2::uuid
ORDER BY known.request_id
