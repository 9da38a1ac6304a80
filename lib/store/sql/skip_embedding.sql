-- Marks a memory whose text cannot be embedded.
-- $1 uuid memory, $2 text reason
-- Rows: none. Index: primary key. Locks: the row.
UPDATE memories SET embedding_skipped = $2, embedding_claimed_by = NULL, embedding_claimed_until = NULL WHERE id = $1
