-- The embedding of a trajectory's reflection. Needs a database with embeddings.
-- $1 uuid trajectory
-- Rows: one. Zero rows: there is no such trajectory, or it has no embedding.
-- Index: primary key. Locks: none.
SELECT embedding_model, embedding::text AS embedding FROM trajectories WHERE id = $1 AND embedding IS NOT NULL AND embedding_model IS NOT NULL
