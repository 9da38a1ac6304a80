-- The extensions of the database.
-- Rows: their names. Index: none. Locks: none.
SELECT extname FROM pg_extension ORDER BY extname
