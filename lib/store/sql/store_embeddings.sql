-- Writes embeddings of memories down and ends their claims.
-- $1 text model, $2 jsonb array [{id, content_sha256, embedding}], the embedding as text of a vector
-- Rows: the ids that were written. Missing ones: their text changed meanwhile, or they are gone.
-- Index: primary key. Locks: the rows.
UPDATE memories m
SET embedding = e.embedding::vector, embedding_model = $1, embedded_at = now(), embedding_claimed_by = NULL, embedding_claimed_until = NULL
FROM jsonb_to_recordset($2::jsonb) AS e (id uuid, content_sha256 text, embedding text)
WHERE m.id = e.id AND encode(sha256(convert_to(m.content, 'UTF8')), 'hex') = e.content_sha256
RETURNING m.id
