-- Lets the HNSW index go on until enough rows pass the filter by tenant and visibility (pgvector 0.8); ends with the transaction.
-- Rows: one, or zero where pgvector is older: recall is then as complete as the index's first candidates.
-- Index: none. Locks: none.
SELECT set_config('hnsw.iterative_scan', 'strict_order', true)
FROM pg_extension
WHERE extname = 'vector' AND string_to_array(extversion, '.')::integer[] >= '{0,8}'
