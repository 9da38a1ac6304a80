-- The trajectories whose reflection is nearest to a vector, within a tenant (without one: of the same user).
-- $1 uuid tenant or NULL, $2 uuid user, $3 text embedding model, $4 text vector, $5 double precision cosine similarity to be passed,
-- $6 integer how many, $7 uuid trajectory that is left out
-- Rows: nearest first. Zero rows: nothing is near enough.
-- Index: trajectories_embedding_idx, or trajectories_tenant_idx where the tenant has few. Locks: none.
SELECT id, tools, outcome, reflection, created_at_us
FROM (SELECT id, tools, outcome, reflection, (extract(epoch FROM created_at) * 1000000)::bigint AS created_at_us,
             1 - (embedding <=> $4::vector) AS similarity
      FROM trajectories
      WHERE embedding_model = $3 AND embedding IS NOT NULL AND id <> $7
        AND (tenant_id = $1 OR ($1::uuid IS NULL AND tenant_id IS NULL AND user_id = $2))
      ORDER BY embedding <=> $4::vector
      LIMIT $6) AS nearest
WHERE similarity > $5
ORDER BY similarity DESC, id
