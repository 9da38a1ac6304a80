-- What one job has cost, over all its attempts.
-- $1 uuid job
-- Rows: one, US dollars.
-- Index: usage_events_job_idx. Locks: none.
SELECT coalesce(sum(cost_usd), 0)::double precision FROM usage_events WHERE job_id = $1
