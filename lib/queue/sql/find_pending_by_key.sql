-- The pending job that holds the dedupe key of another one.
-- $1 uuid  the other one
-- Rows: one, or zero where it was claimed or removed in between. Index: primary key, jobs_dedupe_idx. Locks: none.
SELECT newer.id FROM jobs old JOIN jobs newer ON newer.dedupe_key = old.dedupe_key
WHERE old.id = $1 AND newer.id <> old.id AND newer.dedupe_pending IS NOT NULL AND newer.status = 'pending'
