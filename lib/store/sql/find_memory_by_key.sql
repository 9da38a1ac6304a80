-- The memory that a key added.
-- $1 text key
-- Rows: one. Zero rows: it has been removed since.
-- Index: memories_idempotency_key. Locks: none.
SELECT id FROM memories WHERE idempotency_key = $1
