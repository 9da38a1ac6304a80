-- Removes a worker's row at an orderly end.
-- $1 text  id
-- Rows: one. Zero rows: it was gone already. Index: primary key. Locks: the row.
DELETE FROM workers WHERE id = $1 RETURNING id
