-- The visible memories nearest to a vector. First the signs of all visible vectors are compared (they stand in the indexes, so that no row is
-- read), then the fifty that agree best, and one more for every 40 visible ones, 950 at most, are compared in full: exact for a user with
-- few, and as good as exact for one with thousands (docs/performance/memory.md).
-- $1 uuid user, $2 uuid tenant or NULL, $3 boolean own, $4 boolean team, $5 boolean org, $6 text embedding model,
-- $7 text vector, $8 double precision lowest cosine similarity, $9 integer how many
-- Rows: nearest first. Zero rows: nothing is near enough.
-- Index: memories_own_bits_idx, memories_shared_bits_idx (index-only after a vacuum), primary key. Locks: none.
WITH visible AS NOT MATERIALIZED (
    SELECT id, embedding_bits
    FROM memories
    WHERE $3 AND user_id = $1 AND (tenant_id = $2 OR tenant_id IS NULL) AND embedding_model = $6 AND embedding_bits IS NOT NULL
    UNION ALL
    SELECT id, embedding_bits
    FROM memories
    WHERE tenant_id = $2 AND visibility = ANY (ARRAY[CASE WHEN $4 THEN 'team' END, CASE WHEN $5 THEN 'org' END]) AND visibility <> 'private'
      AND ($3 AND user_id = $1) IS NOT TRUE AND embedding_model = $6 AND embedding_bits IS NOT NULL
    UNION ALL
    SELECT id, embedding_bits
    FROM memories
    WHERE $2::uuid IS NULL AND tenant_id IS NULL AND visibility = ANY (ARRAY[CASE WHEN $4 THEN 'team' END, CASE WHEN $5 THEN 'org' END])
      AND visibility <> 'private' AND ($3 AND user_id = $1) IS NOT TRUE AND embedding_model = $6 AND embedding_bits IS NOT NULL
)
SELECT id, kind, content, visibility, similarity
FROM (SELECT id, kind, content, visibility, 1 - (embedding <=> $7::vector) AS similarity
      FROM memories
      WHERE id = ANY (ARRAY(SELECT id FROM visible
                            ORDER BY embedding_bits <~> (SELECT binary_quantize($7::vector)::bit(1536))
                            LIMIT (SELECT 50 + count(*) / 40 FROM (SELECT FROM visible LIMIT 36000) AS counted)))
      ORDER BY embedding <=> $7::vector
      LIMIT $9) AS nearest
WHERE similarity >= $8
ORDER BY similarity DESC, id
