-- Keeps embeddings, so that the same text is not paid for twice.
-- $1 text model, $2 jsonb array [{content_sha256, embedding}], the embedding as text of a vector
-- Rows: none. Those that are there stay.
-- Index: primary key. Locks: none beyond the new rows.
INSERT INTO embedding_cache (model, content_sha256, embedding)
SELECT $1, decode(e.content_sha256, 'hex'), e.embedding::vector
FROM jsonb_to_recordset($2::jsonb) AS e (content_sha256 text, embedding text)
ORDER BY e.content_sha256
ON CONFLICT (model, content_sha256) DO NOTHING
