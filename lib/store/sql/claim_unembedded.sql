-- Claims memories that have no embedding by the model in use, those without any first, then oldest first.
-- $1 uuid user or NULL, $2 text model, $3 integer how many, $4 uuid job, $5 double precision seconds to hold
-- The order names the model where it is NULL, too: else the index's order would not do, and all that is left be sorted each time.
-- Rows: the claimed. Zero rows: nothing left, or all of it is being done by others.
-- Index: memories_backfill_idx, one range each for no model, lower and higher names. Locks: the claimed rows; those that others hold are skipped.
WITH candidate AS MATERIALIZED (
    (SELECT id FROM memories
     WHERE embedding_skipped IS NULL AND embedding_model IS NULL AND content IS NOT NULL
       AND ($1::uuid IS NULL OR user_id = $1)
       AND (embedding_claimed_until IS NULL OR embedding_claimed_until < now())
     ORDER BY embedding_model, created_at, id LIMIT $3 * 2)
    UNION ALL
    (SELECT id FROM memories
     WHERE embedding_skipped IS NULL AND embedding_model < $2 AND content IS NOT NULL
       AND ($1::uuid IS NULL OR user_id = $1)
       AND (embedding_claimed_until IS NULL OR embedding_claimed_until < now())
     ORDER BY embedding_model, created_at, id LIMIT $3 * 2)
    UNION ALL
    (SELECT id FROM memories
     WHERE embedding_skipped IS NULL AND embedding_model > $2 AND content IS NOT NULL
       AND ($1::uuid IS NULL OR user_id = $1)
       AND (embedding_claimed_until IS NULL OR embedding_claimed_until < now())
     ORDER BY embedding_model, created_at, id LIMIT $3 * 2)
), locked AS MATERIALIZED (
    SELECT m.id FROM memories m
    WHERE m.id = ANY (ARRAY(SELECT id FROM candidate)) AND m.embedding_model IS DISTINCT FROM $2
      AND (m.embedding_claimed_until IS NULL OR m.embedding_claimed_until < now())
    ORDER BY m.embedding_model NULLS FIRST, m.created_at, m.id
    LIMIT $3
    FOR UPDATE SKIP LOCKED
), claimed AS (
    UPDATE memories m
    SET embedding_claimed_by = $4, embedding_claimed_until = now() + make_interval(secs => $5)
    FROM locked
    WHERE m.id = locked.id
    RETURNING m.id, m.content, m.created_at
)
SELECT id, content, encode(sha256(convert_to(content, 'UTF8')), 'hex') AS content_sha256 FROM claimed ORDER BY created_at, id
