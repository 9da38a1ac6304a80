-- As lib/store/sql/recall_similar.sql, with the same parameters and the same rows, by a graph (HNSW) over half-precision vectors of everybody's
-- memories: an iterative scan, filtered by who may see what. The threshold stands outside of the materialized part, as pgvector's documentation
-- advises, so that the scan ends with the limit. For the scenario `graph` alone.
WITH nearest AS MATERIALIZED (
    SELECT id, kind, content, visibility, 1 - (embedding <=> $7::vector) AS similarity
    FROM memories
    WHERE embedding_model = $6
      AND (($3 AND user_id = $1 AND (tenant_id = $2 OR tenant_id IS NULL))
           OR (tenant_id = $2 AND visibility = ANY (ARRAY[CASE WHEN $4 THEN 'team' END, CASE WHEN $5 THEN 'org' END])))
    ORDER BY embedding::halfvec(1536) <=> $7::halfvec(1536)
    LIMIT $9
)
SELECT id, kind, content, visibility, similarity FROM nearest WHERE similarity >= $8 ORDER BY similarity DESC, id
