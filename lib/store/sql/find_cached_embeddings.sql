-- Embeddings that were paid for before.
-- $1 text model, $2 jsonb array of SHA-256 in hexadecimal
-- Rows: those that are known, and stamps their use at most once a day. Missing ones: not known.
-- Index: primary key. Locks: the stamped rows; those that another transaction stamps are skipped.
WITH wanted AS MATERIALIZED (
    SELECT decode(sha, 'hex') AS sha FROM jsonb_array_elements_text($2::jsonb) AS sha
), stamped AS (
    UPDATE embedding_cache c SET last_used_at = now()
    WHERE (c.model, c.content_sha256) IN (SELECT s.model, s.content_sha256 FROM embedding_cache s JOIN wanted ON s.content_sha256 = wanted.sha
                                          WHERE s.model = $1 AND s.last_used_at < now() - interval '1 day' FOR UPDATE OF s SKIP LOCKED)
)
SELECT encode(c.content_sha256, 'hex') AS content_sha256, c.embedding::text AS embedding
FROM embedding_cache c
JOIN wanted ON c.content_sha256 = wanted.sha
WHERE c.model = $1 AND c.embedding IS NOT NULL
