-- Lets an HNSW index go on until enough rows pass a filter (pgvector 0.8); ends with the transaction.
-- Rows: one, or zero where pgvector is older: the answer is then as complete as the index's first candidates.
-- Index: none. Locks: none.
SELECT set_config('hnsw.iterative_scan', 'strict_order', true)
FROM pg_extension
WHERE extname = 'vector' AND string_to_array(extversion, '.')::integer[] >= '{0,8}'
