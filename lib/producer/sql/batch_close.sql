-- After a piece of a batch.
-- Rows: none. Locks: the session's own table.
DROP TABLE pg_temp.oiabd_batch
