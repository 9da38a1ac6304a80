-- Whether memories have embeddings in this database (setting embeddings).
-- Rows: one boolean. Index: the catalogue's. Locks: none.
SELECT EXISTS (SELECT FROM pg_attribute WHERE attrelid = to_regclass('memories') AND attname = 'embedding' AND NOT attisdropped)
