-- Indexes that need the extension vector; run where it is there. HNSW by cosine distance: recall filters by tenant and visibility
-- within an iterative scan (pgvector 0.8), or exactly with an older one.
--
-- Locks: SHARE on a small table while its index is built; SHARE UPDATE EXCLUSIVE on a large one (a million rows take minutes).
-- Older binaries: go on working.

CREATE INDEX IF NOT EXISTS memories_embedding_idx ON memories USING hnsw (embedding vector_cosine_ops);
CREATE INDEX IF NOT EXISTS trajectories_embedding_idx ON trajectories USING hnsw (embedding vector_cosine_ops);
