-- Removes a provider row with its credentials.
-- $1 uuid row
-- Rows: the id. Zero rows: there was none.
-- Index: primary key. Locks: the row.
DELETE FROM providers WHERE id = $1 RETURNING id
