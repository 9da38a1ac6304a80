-- Writes embeddings of memories down and ends their claims.
-- $1 text model, $2 uuid[] memories, $3 text[] SHA-256 in hexadecimal of the texts that were embedded, $4 vector[]
-- Rows: the ids that were written. Missing ones: their text changed meanwhile, or they are gone.
-- Index: primary key. Locks: the rows.
UPDATE memories m
SET embedding = e.embedding, embedding_model = $1, embedded_at = now(), embedding_claimed_by = NULL, embedding_claimed_until = NULL
FROM unnest($2::uuid[], $3::text[], $4::vector[]) AS e (id, content_sha256, embedding)
WHERE m.id = e.id AND encode(sha256(convert_to(m.content, 'UTF8')), 'hex') = e.content_sha256
RETURNING m.id
