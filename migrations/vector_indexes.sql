-- Indexes that need the extension vector; run where it is there. Memories have none of their own kind: recall looks through the signs of
-- one user's vectors (vector_bits_indexes.sql), which beats a graph over everybody's, and no write pays for a graph.
--
-- Locks: SHARE on a small table while its index is built; SHARE UPDATE EXCLUSIVE on a large one. ACCESS EXCLUSIVE on memories for
-- milliseconds where an earlier release's index goes.
-- Older binaries: go on working; their recall compares one user's vectors in full.

CREATE INDEX IF NOT EXISTS trajectories_embedding_idx ON trajectories USING hnsw (embedding vector_cosine_ops);
DO $$
BEGIN
    EXECUTE format('DROP INDEX IF EXISTS %I.memories_embedding_idx', current_schema());
END $$;
