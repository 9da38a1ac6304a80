-- Keeps the embedding of a reflection. Needs a database with embeddings.
-- $1 uuid trajectory, $2 text model, $3 text vector
-- Rows: none. Index: primary key. Locks: the trajectory's row.
UPDATE trajectories SET embedding = $3::vector, embedding_model = $2 WHERE id = $1
