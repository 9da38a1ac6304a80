-- Stores the final response.
-- $1 uuid dispatch · $2 text result
-- Rows: one. Zero rows: the dispatch is not in synthesizing; it was cancelled.
-- Index: primary key. Locks: the dispatch's row.
UPDATE dispatches SET status = 'completed', result = $2, completed_at = now()
WHERE id = $1 AND status = 'synthesizing'
RETURNING id
