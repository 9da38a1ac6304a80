-- The trajectories that skills of a tenant were derived from and whose reflection is near to a vector, whatever became of the skill.
-- $1 uuid tenant or NULL, $2 uuid user: without a tenant only that user's count, $3 text embedding model, $4 text vector,
-- $5 double precision cosine similarity to be passed
-- Rows: nearest first. Zero rows: no skill covers it yet.
-- Index: skills_tenant_status_idx, primary key of trajectories. Locks: none.
SELECT s.id AS skill_id, t.tools
FROM skills s
CROSS JOIN LATERAL unnest(s.source_trajectories) AS source (id)
JOIN trajectories t ON t.id = source.id
WHERE (s.tenant_id = $1 OR ($1::uuid IS NULL AND s.tenant_id IS NULL AND t.user_id = $2))
  AND t.embedding_model = $3 AND t.embedding IS NOT NULL AND 1 - (t.embedding <=> $4::vector) > $5
ORDER BY t.embedding <=> $4::vector, s.id
