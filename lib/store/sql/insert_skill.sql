-- Proposes a skill, once for each cluster of trajectories.
-- $1 uuid tenant or NULL, $2 text name, $3 text description, $4 text body, $5 uuid[] source trajectories, $6 text cluster key
-- Rows: the id. Zero rows: the cluster has its skill already.
-- Index: skills_cluster_key. Locks: none beyond the new row.
INSERT INTO skills (tenant_id, name, description, body, source_trajectories, cluster_key)
VALUES ($1, $2, $3, $4, $5::uuid[], $6)
ON CONFLICT (tenant_id, cluster_key) WHERE cluster_key IS NOT NULL DO NOTHING
RETURNING id
