-- The type of pgvector's vectors, which binary parameters must name. Its number differs from database to database.
-- Rows: one oid. Index: the catalogue's. Locks: none.
SELECT 'vector'::regtype::oid
