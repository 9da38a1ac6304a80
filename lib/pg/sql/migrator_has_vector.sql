-- Whether the type vector can be used, and whether it can be reduced to its signs (pgvector 0.7), so that indexes over them can be made.
-- Rows: one with two booleans. Index: none. Locks: none.
SELECT to_regtype('vector') IS NOT NULL AS has_vector, to_regprocedure('binary_quantize(vector)') IS NOT NULL AS has_bits
