-- The visible memories nearest to a vector, all of them compared in full: where pgvector is older than 0.7.
-- $1 uuid user, $2 uuid tenant or NULL, $3 boolean own, $4 boolean team, $5 boolean org, $6 text embedding model,
-- $7 text vector, $8 double precision lowest cosine similarity, $9 integer how many
-- Rows: nearest first. Zero rows: nothing is near enough.
-- Index: memories_user_idx, memories_shared_idx. Locks: none.
WITH visible AS NOT MATERIALIZED (
    SELECT id, kind, content, visibility, embedding
    FROM memories
    WHERE $3 AND user_id = $1 AND (tenant_id = $2 OR tenant_id IS NULL) AND embedding_model = $6 AND embedding IS NOT NULL
    UNION ALL
    SELECT id, kind, content, visibility, embedding
    FROM memories
    WHERE tenant_id = $2 AND visibility = ANY (ARRAY[CASE WHEN $4 THEN 'team' END, CASE WHEN $5 THEN 'org' END]) AND visibility <> 'private'
      AND ($3 AND user_id = $1) IS NOT TRUE AND embedding_model = $6 AND embedding IS NOT NULL
    UNION ALL
    SELECT id, kind, content, visibility, embedding
    FROM memories
    WHERE $2::uuid IS NULL AND tenant_id IS NULL AND visibility = ANY (ARRAY[CASE WHEN $4 THEN 'team' END, CASE WHEN $5 THEN 'org' END])
      AND visibility <> 'private' AND ($3 AND user_id = $1) IS NOT TRUE AND embedding_model = $6 AND embedding IS NOT NULL
)
SELECT id, kind, content, visibility, similarity
FROM (SELECT id, kind, content, visibility, 1 - (embedding <=> $7::vector) AS similarity
      FROM visible
      ORDER BY similarity DESC, id
      LIMIT $9) AS nearest
WHERE similarity >= $8
ORDER BY similarity DESC, id
