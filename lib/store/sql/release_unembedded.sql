-- Ends the claims of a job that stops early. They would lapse by themselves; this spares the others the wait.
-- $1 uuid job
-- Rows: none. Index: memories_claimed_idx. Locks: the rows.
UPDATE memories SET embedding_claimed_by = NULL, embedding_claimed_until = NULL
WHERE embedding_claimed_by = $1 AND embedding_claimed_until IS NOT NULL
