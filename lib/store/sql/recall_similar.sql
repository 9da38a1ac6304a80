-- The visible memories nearest to a vector.
-- $1 uuid user, $2 uuid tenant or NULL, $3 boolean own, $4 boolean team, $5 boolean org, $6 text embedding model,
-- $7 text vector, $8 double precision lowest cosine similarity, $9 integer how many
-- Rows: nearest first. Zero rows: nothing is near enough.
-- Index: memories_embedding_idx, or memories_user_idx and memories_shared_idx where they leave few. Locks: none.
SELECT id, kind, content, visibility, similarity
FROM (SELECT id, kind, content, visibility, 1 - (embedding <=> $7::vector) AS similarity
      FROM memories
      WHERE embedding_model = $6 AND embedding IS NOT NULL
        AND (($3 AND user_id = $1 AND (tenant_id = $2 OR tenant_id IS NULL))
             OR ($4 AND visibility = 'team' AND (tenant_id = $2 OR ($2::uuid IS NULL AND tenant_id IS NULL)))
             OR ($5 AND visibility = 'org' AND (tenant_id = $2 OR ($2::uuid IS NULL AND tenant_id IS NULL))))
      ORDER BY embedding <=> $7::vector
      LIMIT $9) AS nearest
WHERE similarity >= $8
ORDER BY similarity DESC, id
