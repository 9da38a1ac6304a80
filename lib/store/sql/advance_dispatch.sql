-- Moves a dispatch on after a member became final.
-- $1 uuid dispatch
-- Rows: one, without a value. Index: primary keys. Locks: the dispatch's row.
SELECT dispatch_advance($1)
