-- Indexes over the signs of embeddings; run where pgvector (0.7 and newer) can make them. They hold all that the first stage of recall asks
-- about, so that it reads no rows.
--
-- Locks: SHARE on a small table while its index is built; SHARE UPDATE EXCLUSIVE on a large one (a million rows take half a minute).
-- Older binaries: go on working.

CREATE INDEX IF NOT EXISTS memories_own_bits_idx ON memories (user_id, embedding_model) INCLUDE (tenant_id, id, embedding_bits)
    WHERE embedding_bits IS NOT NULL;
CREATE INDEX IF NOT EXISTS memories_shared_bits_idx ON memories (tenant_id, visibility, embedding_model) INCLUDE (user_id, id, embedding_bits)
    WHERE visibility <> 'private' AND embedding_bits IS NOT NULL;
