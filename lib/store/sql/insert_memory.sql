-- Adds a memory, once for each key.
-- $1 uuid user, $2 uuid tenant or NULL, $3 text kind, $4 text content, $5 text visibility, $6 text session or NULL, $7 text key or NULL
-- Rows: the id. Zero rows: a memory with this key is there already.
-- Index: memories_idempotency_key. Locks: none beyond the new row.
INSERT INTO memories (user_id, tenant_id, kind, content, visibility, source_session_id, idempotency_key)
VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT (idempotency_key) WHERE idempotency_key IS NOT NULL DO NOTHING
RETURNING id
