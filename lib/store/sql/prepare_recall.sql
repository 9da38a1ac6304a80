-- Prepares a transaction for recall: one plan for every user, whatever the statistics say of this one, and no time spent on making plans.
-- Rows: one; has_bits: whether memories have the signs of their embeddings beside them (pgvector 0.7 and newer), or whether all vectors
-- must be compared in full.
-- Index: the catalogue's. Locks: none.
SELECT set_config('plan_cache_mode', 'force_generic_plan', true) AS plan_cache_mode,
       EXISTS (SELECT FROM pg_attribute WHERE attrelid = to_regclass('memories') AND attname = 'embedding_bits' AND NOT attisdropped) AS has_bits
