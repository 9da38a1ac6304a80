-- Keeps embeddings, so that the same text is not paid for twice.
-- $1 text model, $2 text[] SHA-256 in hexadecimal, each once, $3 vector[]
-- Rows: none. Those that are there stay.
-- Index: primary key. Locks: none beyond the new rows.
INSERT INTO embedding_cache (model, content_sha256, embedding)
SELECT $1, decode(e.content_sha256, 'hex'), e.embedding
FROM unnest($2::text[], $3::vector[]) AS e (content_sha256, embedding)
ORDER BY e.content_sha256
ON CONFLICT (model, content_sha256) DO NOTHING
