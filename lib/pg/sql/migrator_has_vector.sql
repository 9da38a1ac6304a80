-- Whether the type vector can be used, and whether it can be reduced to its signs (pgvector 0.7), so that indexes over them can be made.
-- Looked up by name: a signature with a type that is not there is an error before PostgreSQL 16.
-- Rows: one with two booleans. Index: none. Locks: none.
SELECT to_regtype('vector') IS NOT NULL AS has_vector,
       EXISTS (SELECT FROM pg_proc AS p
               WHERE p.proname = 'binary_quantize' AND p.proargtypes[0] = to_regtype('vector')) AS has_bits
