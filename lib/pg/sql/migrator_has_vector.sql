-- Whether the type vector can be used, so that its indexes can be made.
-- Rows: one boolean. Index: none. Locks: none.
SELECT to_regtype('vector') IS NOT NULL
